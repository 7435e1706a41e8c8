"""From pixels to what a float network is fed, and a network that does so itself, so that it takes pixels.

Where the channels have a mean and a std of their own, the scaling goes inside: a quantized input has one scale and one
zero point, and MediaPipe refuses TFLite Metadata with a number a channel. (pixel - mean) / std becomes the first
operator, a depthwise 1x1 convolution, whose int8 weights have a scale a channel.
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
from export.conversion import objects

NAME = "pixels"


def tensors(images: Iterable[npt.NDArray[np.uint8]], spec: InputSpec) -> Iterator[npt.NDArray[np.float32]]:
    """Each image as [1, height, width, 3]: (pixel - mean) / std."""
    mean, std = (np.array(channels.each(value), np.float32) for value in (spec.mean, spec.std))
    for image in images:
        yield ((image.astype(np.float32) - mean) / std)[None]


def ends(spec: InputSpec) -> tuple[float, float]:
    """The numbers of pixel 0 and pixel 255; where the channels differ the least and the greatest of all."""
    pairs = zip(channels.each(spec.mean), channels.each(spec.std), strict=True)
    numbers = [((0 - mean) / std, (255 - mean) / std) for mean, std in pairs]
    return numbers[0] if len(set(numbers)) == 1 else (min(map(min, numbers)), max(map(max, numbers)))


def differ(spec: InputSpec) -> bool:
    """Whether red, green and blue are scaled differently."""
    return len(set(zip(channels.each(spec.mean), channels.each(spec.std), strict=True))) > 1


def fed(spec: InputSpec) -> InputSpec:
    """What the exported files take, of a source that takes `spec`."""
    return replace(spec, mean=0.0, std=1.0) if differ(spec) else spec


def taken(model: bytes, spec: InputSpec) -> bytes:
    """The float model, or one that takes pixels where the channels differ."""
    return _with_scaling_inside(model, spec) if differ(spec) else model


def ranges(model: bytes, spec: InputSpec) -> dict[str, tuple[float, float]]:
    """What is known of inner tensors without calibration: of the scaled pixels, if `model` scales them itself."""
    if not differ(spec):
        return {}
    graph = objects.read(model).subgraphs[0]
    return {objects.text(graph.tensors[graph.operators[0].outputs[0]].name): ends(spec)}


def _with_scaling_inside(model: bytes, spec: InputSpec) -> bytes:
    tree = objects.read(model)
    graph = tree.subgraphs[0]
    scaled = int(graph.inputs[0])
    pixels = copy.copy(graph.tensors[scaled])
    pixels.name, pixels.buffer = NAME, _buffer(tree, b"")
    mean, std = (np.array(channels.each(value)) for value in (spec.mean, spec.std))
    entry = _added(graph, pixels)
    weights = _constant(tree, graph, f"{NAME}/weights", (1, 1, 1, 3), 1 / std)
    bias = _constant(tree, graph, f"{NAME}/bias", (3,), -mean / std)
    graph.operators = [_convolution(tree, [entry, weights, bias], scaled), *graph.operators]
    graph.inputs = [entry]
    for signature in tree.signatureDefs or []:
        for one in signature.inputs:
            one.tensorIndex = entry
    return objects.packed(tree)


def _convolution(tree: Any, inputs: list[int], output: int) -> Any:
    code, operator, options = schema.OperatorCodeT(), schema.OperatorT(), schema.DepthwiseConv2DOptionsT()
    code.builtinCode = code.deprecatedBuiltinCode = schema.BuiltinOperator.DEPTHWISE_CONV_2D
    code.version = 1
    tree.operatorCodes.append(code)
    options.padding, options.depthMultiplier = schema.Padding.VALID, 1
    options.strideH = options.strideW = options.dilationHFactor = options.dilationWFactor = 1
    operator.opcodeIndex, operator.inputs, operator.outputs = len(tree.operatorCodes) - 1, inputs, [output]
    operator.builtinOptionsType, operator.builtinOptions = schema.BuiltinOptions.DepthwiseConv2DOptions, options
    return operator


def _constant(tree: Any, graph: Any, name: str, shape: tuple[int, ...], values: Any) -> int:
    tensor = schema.TensorT()
    tensor.name, tensor.shape, tensor.type = name, list(shape), schema.TensorType.FLOAT32
    tensor.buffer = _buffer(tree, values.astype(np.float32).tobytes())
    return _added(graph, tensor)


def _added(graph: Any, tensor: Any) -> int:
    graph.tensors.append(tensor)
    return len(graph.tensors) - 1


def _buffer(tree: Any, data: bytes) -> int:
    buffer = schema.BufferT()
    buffer.data = np.frombuffer(data, np.uint8) if data else None
    tree.buffers.append(buffer)
    return len(tree.buffers) - 1
