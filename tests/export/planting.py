"""Faults planted into exported files: what a broken converter or quantizer would leave."""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.tools import flatbuffer_utils

OPERATOR, TYPE = schema.BuiltinOperator, schema.TensorType
WEIGHTED = (OPERATOR.CONV_2D, OPERATOR.DEPTHWISE_CONV_2D, OPERATOR.FULLY_CONNECTED)
NUMBERS = {TYPE.FLOAT32: np.float32, TYPE.FLOAT16: np.float16, TYPE.INT8: np.int8, TYPE.INT32: np.int32}

Array = npt.NDArray[Any]
Change = Callable[["Model"], None]


class Model:
    """A .tflite that is being changed: its layers with weights, in order."""

    def __init__(self, content: bytes) -> None:
        self.tree = flatbuffer_utils.read_model_from_bytearray(bytearray(content))
        self.graph = self.tree.subgraphs[0]
        self.made_by = {index: one for one in self.graph.operators for index in one.outputs}
        self.layers = [one for one in self.graph.operators if self._kind(one) in WEIGHTED]

    def bytes(self) -> bytes:
        return bytes(flatbuffer_utils.convert_object_to_bytearray(self.tree))

    def _kind(self, operator: Any) -> int:
        code = self.tree.operatorCodes[operator.opcodeIndex]
        return max(int(code.builtinCode), int(code.deprecatedBuiltinCode))

    def layer(self, where: str) -> Any:
        return self.layers[{"first": 0, "middle": len(self.layers) // 2, "last": -1}[where]]

    def constant(self, where: str, place: int) -> Any:
        """The tensor of a layer's weights (1) or bias (2), behind a DEQUANTIZE in float16 files."""
        index = self.layer(where).inputs[place]
        if index in self.made_by:
            index = self.made_by[index].inputs[0]
        return self.graph.tensors[index]

    def dtype(self, tensor: Any) -> Any:
        assert tensor.type in NUMBERS, f"tensor type {tensor.type} is not in NUMBERS; add it with its numpy type"
        return NUMBERS[tensor.type]

    def numbers(self, tensor: Any) -> Array:
        data = bytes(self.tree.buffers[tensor.buffer].data)
        return np.frombuffer(data, self.dtype(tensor)).reshape(tensor.shape)

    def put(self, tensor: Any, numbers: Array) -> None:
        """In a buffer of its own: equal weights may share one."""
        buffer = schema.BufferT()
        buffer.data = np.frombuffer(np.ascontiguousarray(numbers, self.dtype(tensor)).tobytes(), np.uint8)
        self.tree.buffers.append(buffer)
        tensor.buffer = len(self.tree.buffers) - 1

    def output(self, where: str) -> Any:
        return self.graph.tensors[self.layer(where).outputs[0]]


def planted(content: bytes, change: Change) -> bytes:
    model = Model(content)
    change(model)
    return model.bytes()


def scaled(where: str, factor: float) -> Change:
    """Weights read with another scale, the bias as it was."""

    def change(model: Model) -> None:
        weights, bias = model.constant(where, 1), model.constant(where, 2)
        if weights.type != TYPE.INT8:
            model.put(weights, model.numbers(weights) * model.dtype(weights)(factor))
            return
        weights.quantization.scale = np.asarray(weights.quantization.scale, np.float32) * np.float32(factor)
        if bias.type != TYPE.FLOAT32:
            bias.quantization.scale = np.asarray(bias.quantization.scale, np.float32) * np.float32(factor)
            codes = np.iinfo(model.dtype(bias))
            model.put(bias, np.clip(np.round(model.numbers(bias) / factor), codes.min, codes.max))

    return change


def zeroed(where: str) -> Change:
    def change(model: Model) -> None:
        weights = model.constant(where, 1)
        model.put(weights, np.zeros(weights.shape))

    return change


def without_bias(where: str) -> Change:
    def change(model: Model) -> None:
        bias = model.constant(where, 2)
        model.put(bias, np.zeros(bias.shape))

    return change


def bgr(model: Model) -> None:
    weights = model.constant("first", 1)
    model.put(weights, model.numbers(weights)[..., ::-1])


def outputs_swapped(model: Model) -> None:
    """The last layer's first two labels, with their scales."""
    order = np.arange(model.constant("last", 1).shape[0])
    order[[0, 1]] = order[[1, 0]]
    for place in (1, 2):
        tensor = model.constant("last", place)
        model.put(tensor, model.numbers(tensor)[order])
        scale = None if tensor.quantization is None else tensor.quantization.scale
        if scale is not None and len(scale) == len(order):
            tensor.quantization.scale = np.asarray(scale)[order]


def zero_point_shifted(where: str) -> Change:
    """Of a layer's activations: a quarter of the range lies where there is nothing."""

    def change(model: Model) -> None:
        quantization = model.output(where).quantization
        quantization.zeroPoint = [int(quantization.zeroPoint[0]) + 64]

    return change


FAULTS: dict[str, Change] = {
    "first layer x2": scaled("first", 2),
    "first layer x0.5": scaled("first", 0.5),
    "middle layer x2": scaled("middle", 2),
    "middle layer x0.5": scaled("middle", 0.5),
    "last layer x2": scaled("last", 2),
    "last layer x0.5": scaled("last", 0.5),
    "fed 0..1": scaled("first", 1 / 255),
    "first layer zeroed": zeroed("first"),
    "middle layer zeroed": zeroed("middle"),
    "last layer zeroed": zeroed("last"),
    "first bias dropped": without_bias("first"),
    "middle bias dropped": without_bias("middle"),
    "last bias dropped": without_bias("last"),
    "channels swapped": bgr,
    "labels swapped": outputs_swapped,
}
