"""Float models as a stranger brings them: the shapes model without our card and metadata, or with other weights."""

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.tools import flatbuffer_utils

from device.model import card, channels, flatbuffer
from export.conversion import objects
from tests import drawing
from tests.conftest import model

SIZE = (16, 16)
LABELS = "".join(f"{label}\n" for label in drawing.LABELS)
Array = npt.NDArray[np.float32]


def bare() -> bytes:
    """The shapes float32 network alone: pixels 0..255 in, three probabilities out."""
    path = model("float32")
    tree = flatbuffer_utils.read_model_from_bytearray(bytearray(card.network_bytes(path)))
    tree.metadata = [entry for entry in tree.metadata if objects.text(entry.name) != flatbuffer.NAME]
    del tree.buffers[-1]  # where export puts the metadata
    return bytes(flatbuffer_utils.convert_object_to_bytearray(tree))


def unsigned() -> bytes:
    """The same without a signature, as older converters wrote it."""
    tree = flatbuffer_utils.read_model_from_bytearray(bytearray(bare()))
    tree.signatureDefs = []
    return bytes(flatbuffer_utils.convert_object_to_bytearray(tree))


def weights_of(operator: int) -> Callable[[Any], list[Any]]:
    """The buffers of an operator's weights and bias."""

    def find(tree: Any) -> list[Any]:
        graph = tree.subgraphs[0]
        return [tree.buffers[graph.tensors[index].buffer] for index in graph.operators[operator].inputs[1:]]

    return find


def changed(first: Callable[[Array, Array], tuple[Array, Array]], second: Callable[[Array], Array]) -> bytes:
    """The network with other weights: `first` of the first convolution's [8, 3, 3, 3] and its bias, `second` of the
    second one's [16, 3, 3, 8].
    """
    tree = flatbuffer_utils.read_model_from_bytearray(bytearray(bare()))
    weights, bias = weights_of(0)(tree)
    kernel, offset = first(numbers(weights, (8, 3, 3, 3)), numbers(bias, (8,)))
    weights.data, bias.data = raw(kernel), raw(offset)
    inner = weights_of(1)(tree)[0]
    inner.data = raw(second(numbers(inner, (16, 3, 3, 8))))
    return bytes(flatbuffer_utils.convert_object_to_bytearray(tree))


def numbers(buffer: Any, shape: tuple[int, ...]) -> Array:
    return np.frombuffer(bytes(buffer.data), np.float32).reshape(shape)


def raw(array: Array) -> npt.NDArray[np.uint8]:
    return np.frombuffer(np.ascontiguousarray(array, np.float32).tobytes(), np.uint8)


def with_one_loud_channel(factor: float) -> bytes:
    """The same answers in float, but one channel is `factor` times as loud as the others.

    ReLU lets a factor through, so what the first layer multiplies the second divides. To int8, which has one scale for
    all channels of a layer, nothing of the others is left (Nagel et al., 2019, https://arxiv.org/abs/1906.04721).
    """
    factors = np.array([factor, *[1] * 7], np.float32)
    return changed(
        lambda kernel, bias: (kernel * factors[:, None, None, None], bias * factors), lambda kernel: kernel / factors
    )


def for_minus_one_to_one() -> bytes:
    """A network that takes -1..1: the pixel's (x + 1) * 127.5 is in the first layer's weights."""
    return changed(
        lambda kernel, bias: (kernel * 127.5, bias + 127.5 * kernel.sum(axis=(1, 2, 3))), lambda kernel: kernel
    )


def for_zero_to_one() -> bytes:
    """A network that takes 0..1."""
    return changed(lambda kernel, bias: (kernel * 255, bias), lambda kernel: kernel)


def with_rescaling() -> bytes:
    """A network that takes pixels and makes -1..1 of them itself, as Keras' Rescaling(1 / 127.5, offset=-1) does."""
    tree = objects.read(for_minus_one_to_one())
    graph = tree.subgraphs[0]
    entry = scaled = int(graph.inputs[0])
    options, unions = (schema.AddOptionsT(), schema.MulOptionsT()), schema.BuiltinOptions
    steps = zip(
        (schema.BuiltinOperator.ADD, schema.BuiltinOperator.MUL),
        (-1.0, 1 / 127.5),
        options,
        (unions.AddOptions, unions.MulOptions),
        strict=True,
    )
    for kind, number, chosen, union in steps:  # from behind
        before = copy.copy(graph.tensors[scaled])
        before.name, before.buffer = f"before_{kind}", objects.buffer(tree, b"")
        entry = objects.added(graph, before)
        constant = objects.constant(tree, graph, f"number_{kind}", np.array(number, np.float32))
        made = objects.operator(tree, kind, [entry, constant], scaled, chosen, union)
        graph.operators, scaled = [made, *graph.operators], entry
    graph.inputs = [entry]
    tree.signatureDefs = []
    return objects.packed(tree)


def for_caffe() -> bytes:
    """A network that takes blue, green, red with their mean subtracted: undone in the first layer's weights."""
    mean = np.array(channels.SCALINGS["caffe"].mean, np.float32)
    return changed(
        lambda kernel, bias: (kernel[..., ::-1], bias + (kernel * mean).sum(axis=(1, 2, 3))), lambda kernel: kernel
    )


# torchvision's, for pixels 0..255.
MEAN, STD = (123.675, 116.28, 103.53), (58.395, 57.12, 57.375)


def for_each_channel() -> bytes:
    """A network that takes (pixel - MEAN) / STD, of each channel its own: undone in the first layer's weights."""
    mean, std = np.array(MEAN, np.float32), np.array(STD, np.float32)
    return changed(
        lambda kernel, bias: (kernel * std, bias + (kernel * mean).sum(axis=(1, 2, 3))), lambda kernel: kernel
    )


def images(count: int, seed: int) -> npt.NDArray[np.uint8]:
    """Drawn images of the network's size."""
    return np.stack([image for _, image in drawing.shapes(count, seed, SIZE)])


def large() -> bytes:
    """A network of 400,000 weights: from 256 KB on the quantizer puts weights behind the FlatBuffer.

    The shapes network with 2048 filters, drawn by lot, in place of its last convolution's 16.
    """
    tree = flatbuffer_utils.read_model_from_bytearray(bytearray(bare()))
    graph, random = tree.subgraphs[0], np.random.default_rng(1)
    filters, places = 2048, 4 * 4

    def replace(index: int, shape: tuple[int, ...], scale: float) -> None:
        graph.tensors[index].shape = list(shape)
        values = random.normal(0, scale, shape).astype(np.float32)
        tree.buffers[graph.tensors[index].buffer].data = raw(values)

    convolution, dense = graph.operators[2], graph.operators[-2]
    replace(convolution.inputs[1], (filters, 3, 3, 16), 0.1)
    replace(convolution.inputs[2], (filters,), 0.1)
    replace(dense.inputs[1], (3, places * filters), 0.02)
    for index, shape in ((convolution.outputs[0], (1, 4, 4, filters)), (dense.inputs[0], (1, places * filters))):
        graph.tensors[index].shape = list(shape)
        graph.tensors[index].shapeSignature = None
    flat = graph.operators[5].inputs[1]  # the constant of PACK: what Flatten makes of an image
    tree.buffers[graph.tensors[flat].buffer].data = np.frombuffer(np.int32(places * filters).tobytes(), np.uint8)
    return bytes(flatbuffer_utils.convert_object_to_bytearray(tree))
