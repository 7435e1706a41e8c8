"""Scales pixels to a float network's input, or puts that scaling into the network, so that it takes pixels.

Where the channels have a mean and a std of their own, or another order, the scaling goes inside: a quantized input has
one scale and one zero point, and MediaPipe refuses TFLite Metadata with a number a channel. (pixel - mean) / std is
then the first operator, a 1x1 convolution whose int8 weights have a scale a channel: a depthwise one, or a full one
where it puts the channels in another order. Where that is exact, it becomes a part of the convolution behind it instead
(export/conversion/folding.py).
"""

import copy
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
from ai_edge_litert import schema_py_generated as schema

from device.model import channels
from device.model.card import InputSpec
from export.conversion import folding, objects

KIND = schema.BuiltinOperator
NAME = "pixels"
BIAS = f"{NAME}/bias"


def tensors(images: Iterable[npt.NDArray[np.uint8]], spec: InputSpec) -> Iterator[npt.NDArray[np.float32]]:
    """Each image as [1, height, width, 3]: (pixel - mean) / std, in the network's order of channels."""
    mean, std = (np.array(channels.each(value), np.float32) for value in (spec.mean, spec.std))
    step = 1 if spec.color == "RGB" else -1
    for image in images:
        yield ((image.astype(np.float32) - mean) / std)[None, :, :, ::step]


def ends(spec: InputSpec) -> tuple[float, float]:
    """The numbers of pixel 0 and pixel 255; if the channels differ, the least and the greatest of all."""
    pairs = zip(channels.each(spec.mean), channels.each(spec.std), strict=True)
    numbers = [((0 - mean) / std, (255 - mean) / std) for mean, std in pairs]
    return numbers[0] if len(set(numbers)) == 1 else (min(map(min, numbers)), max(map(max, numbers)))


def differ(spec: InputSpec) -> bool:
    """Whether red, green and blue are scaled differently, or the network takes them in another order."""
    return spec.color != "RGB" or len(set(zip(channels.each(spec.mean), channels.each(spec.std), strict=True))) > 1


def fed(spec: InputSpec) -> InputSpec:
    """The input of the exported files, for a source whose input is `spec`."""
    return replace(spec, color="RGB", mean=0.0, std=1.0) if differ(spec) else spec


def taken(model: bytes, spec: InputSpec) -> bytes:
    """The float model that is exported: one that takes RGB pixels where the channels differ, and without arithmetic on
    pixels that the first convolution can do.
    """
    return folding.folded(_with_scaling_inside(model, spec) if differ(spec) else model)


def ranges(model: bytes, spec: InputSpec) -> dict[str, tuple[float, float]]:
    """Known ranges of inner tensors: that of the scaled pixels, if `model` scales them itself."""
    if not differ(spec):
        return {}
    graph = objects.read(model).subgraphs[0]
    first = graph.operators[0]
    name, last = (objects.text(graph.tensors[index].name) for index in (first.outputs[0], first.inputs[-1]))
    return {name: ends(spec)} if last == BIAS else {}


def _with_scaling_inside(model: bytes, spec: InputSpec) -> bytes:
    tree = objects.read(model)
    graph = tree.subgraphs[0]
    scaled = int(graph.inputs[0])
    pixels = copy.copy(graph.tensors[scaled])
    pixels.name, pixels.buffer = NAME, objects.buffer(tree, b"")
    mean, std = (np.array(channels.each(value)) for value in (spec.mean, spec.std))
    step = 1 if spec.color == "RGB" else -1
    factors = 1 / std if spec.color == "RGB" else np.diag(1 / std)[::-1]  # a row an output
    entry = objects.added(graph, pixels)
    weights = objects.constant(tree, graph, f"{NAME}/weights", factors.reshape(-1, 1, 1, 3).astype(np.float32))
    bias = objects.constant(tree, graph, BIAS, (-mean / std)[::step].astype(np.float32))
    kind = KIND.DEPTHWISE_CONV_2D if spec.color == "RGB" else KIND.CONV_2D
    graph.operators = [_convolution(tree, kind, [entry, weights, bias], scaled), *graph.operators]
    graph.inputs = [entry]
    for signature in tree.signatureDefs or []:
        for one in signature.inputs:
            one.tensorIndex = entry
    return objects.packed(tree)


def _convolution(tree: Any, kind: int, inputs: list[int], output: int) -> Any:
    if kind == KIND.DEPTHWISE_CONV_2D:
        options, union = schema.DepthwiseConv2DOptionsT(), schema.BuiltinOptions.DepthwiseConv2DOptions
        options.depthMultiplier = 1
    else:
        options, union = schema.Conv2DOptionsT(), schema.BuiltinOptions.Conv2DOptions
    options.padding = schema.Padding.VALID
    options.strideH = options.strideW = options.dilationHFactor = options.dilationWFactor = 1
    return objects.operator(tree, kind, inputs, output, options, union)
