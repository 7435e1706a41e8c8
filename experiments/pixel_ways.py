"""Ways in which a network may take its pixels, made of the way in which it is converted: experiments/folding.py."""

import copy
from typing import Any

import numpy as np
import numpy.typing as npt
from ai_edge_litert import schema_py_generated as schema

from export.conversion import objects

KIND, TYPE = schema.BuiltinOperator, schema.TensorType
PADDED = "pixels/padded"
Reals = npt.NDArray[Any]


def add_left(model: bytes) -> bytes:
    """MUL and ADD of one number each before a convolution: the ADD of another number, and other weights."""
    tree = objects.read(model)
    graph = tree.subgraphs[0]
    mul, add, convolution = graph.operators[:3]
    assert [objects.kind(tree, one) for one in (mul, add)] == [KIND.MUL, KIND.ADD]
    factor, offset, weights = (_numbers(tree, one.inputs[1]) for one in (mul, add, convolution))
    objects.put(tree, graph.tensors[add.inputs[1]], (offset / factor).astype(np.float32))
    objects.put(tree, graph.tensors[convolution.inputs[1]], (weights * factor).astype(np.float32))
    add.inputs = [mul.inputs[0], add.inputs[1]]
    graph.operators = graph.operators[1:]
    objects.sweep(tree)
    return objects.packed(tree)


def padded(model: bytes) -> bytes:
    """The same two in the convolution's weights and bias, behind a PADV2 of the pixel that becomes zero."""
    tree = objects.read(model)
    graph = tree.subgraphs[0]
    mul, add, convolution = graph.operators[:3]
    factor, offset, weights, bias = (
        _numbers(tree, index) for index in (mul.inputs[1], add.inputs[1], *convolution.inputs[1:])
    )
    entry, options = int(mul.inputs[0]), convolution.builtinOptions
    assert options.padding == schema.Padding.SAME
    objects.put(tree, graph.tensors[convolution.inputs[1]], (weights * factor).astype(np.float32))
    shift = (weights.astype(np.float64) * offset).sum(axis=(1, 2, 3))
    objects.put(tree, graph.tensors[convolution.inputs[2]], (bias + shift).astype(np.float32))
    amounts = np.zeros((4, 2), np.int32)
    for axis, stride in ((1, options.strideH), (2, options.strideW)):
        length, kernel = int(graph.tensors[entry].shape[axis]), weights.shape[axis]
        total = max(0, (-(-length // stride) - 1) * stride + kernel - length)
        amounts[axis] = total // 2, total - total // 2
    image = copy.copy(graph.tensors[entry])
    image.name, image.buffer, image.shapeSignature = PADDED, objects.buffer(tree, b""), None
    image.shape = [int(side + more) for side, more in zip(image.shape, amounts.sum(axis=1), strict=True)]
    place, around = objects.added(graph, image), objects.constant(tree, graph, f"{PADDED}/amounts", amounts)
    value = objects.constant(tree, graph, f"{PADDED}/value", np.asarray(-offset / factor, np.float32))
    chosen, union = schema.PadV2OptionsT(), schema.BuiltinOptions.PadV2Options
    pad = objects.operator(tree, KIND.PADV2, [entry, around, value], place, chosen, union)
    graph.operators = [pad, *graph.operators[2:]]
    convolution.inputs, options.padding = [place, *convolution.inputs[1:]], schema.Padding.VALID
    objects.sweep(tree)
    return objects.packed(tree)


def without_padding(model: bytes, size: tuple[int, int]) -> bytes:
    """The network with a first convolution that doesn't pad. size: (height, width) of the image."""
    tree = objects.read(model)
    graph = tree.subgraphs[0]
    mul, add, convolution = graph.operators[:3]
    for index in (graph.inputs[0], mul.outputs[0], add.outputs[0]):
        tensor = graph.tensors[index]
        tensor.shape, tensor.shapeSignature = [1, *size, 3], None
    convolution.builtinOptions.padding = schema.Padding.VALID
    return objects.packed(tree)


def requantized(model: bytes) -> bytes:
    """An int8 file that turns uint8 into int8 by one QUANTIZE."""
    tree = objects.read(model)
    graph = tree.subgraphs[0]
    if objects.kind(tree, graph.operators[0]) == KIND.DEQUANTIZE:
        graph.operators = graph.operators[1:]
        graph.operators[0].inputs = list(graph.inputs)
        objects.sweep(tree)
    return objects.packed(tree)


def by_float(model: bytes) -> bytes:
    """By way of real numbers: the same bytes."""
    tree = objects.read(model)
    graph = tree.subgraphs[0]
    entry, first = int(graph.inputs[0]), graph.operators[0]
    real = copy.copy(graph.tensors[entry])
    real.name, real.type, real.quantization, real.buffer = "real", TYPE.FLOAT32, None, objects.buffer(tree, b"")
    place = objects.added(graph, real)
    options, union = schema.DequantizeOptionsT(), schema.BuiltinOptions.DequantizeOptions
    graph.operators = [objects.operator(tree, KIND.DEQUANTIZE, [entry], place, options, union), *graph.operators]
    first.inputs = [place]
    return objects.packed(tree)


def int8_input(model: bytes) -> bytes:
    """An int8 file of ours without the QUANTIZE: who feeds it turns the first bit of every pixel."""
    tree = objects.read(model)
    graph = tree.subgraphs[0]
    graph.inputs, graph.operators = list(graph.operators[0].outputs), graph.operators[1:]
    tree.signatureDefs = []
    objects.sweep(tree)
    return objects.packed(tree)


def uint8_convolution(model: bytes) -> bytes:
    """QUANTIZE, CONV_2D of an int8 file: the convolution comes first, in uint8, its weights with one scale."""
    tree = objects.read(model)
    graph = tree.subgraphs[0]
    first, convolution, *rest = graph.operators
    weights = graph.tensors[convolution.inputs[1]]
    scales = np.asarray(weights.quantization.scale, np.float64)
    real = _numbers(tree, int(convolution.inputs[1]), np.int8) * scales.reshape(-1, 1, 1, 1)
    scale = float(np.abs(real).max() / 127)
    objects.put(tree, weights, (np.round(real / scale) + 128).astype(np.uint8))
    weights.type, weights.quantization.scale, weights.quantization.zeroPoint = TYPE.UINT8, [scale], [128]
    bias = graph.tensors[convolution.inputs[2]]
    numbers = _numbers(tree, int(convolution.inputs[2]), np.int32) * np.asarray(bias.quantization.scale, np.float64)
    objects.put(tree, bias, np.round(numbers / scale).astype(np.int32))
    bias.quantization.scale, bias.quantization.zeroPoint = [scale], [0]
    made = int(convolution.outputs[0])
    other = copy.deepcopy(graph.tensors[made])
    other.name, other.type = f"{objects.text(other.name)}/uint8", TYPE.UINT8
    other.quantization.zeroPoint = [int(other.quantization.zeroPoint[0]) + 128]
    own = objects.added(graph, other)
    convolution.inputs, convolution.outputs = [int(graph.inputs[0]), *convolution.inputs[1:]], [own]
    first.inputs, first.outputs = [own], [made]
    graph.operators = [convolution, first, *rest]
    return objects.packed(tree)


def _numbers(tree: Any, index: int, dtype: Any = np.float32) -> Reals:
    tensor = tree.subgraphs[0].tensors[index]
    shape = () if tensor.shape is None else tuple(tensor.shape)
    return np.frombuffer(bytes(tree.buffers[tensor.buffer].data), dtype).reshape(shape)
