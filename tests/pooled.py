"""The shapes network with other ends: an average over height and width, and a dense layer fitted on drawn images.

Its three convolutions are the committed model's; so it is a real network, made in a second.
"""

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.tools import flatbuffer_utils

from device.inference import runtime
from device.model import card as cards
from tests import drawing, foreign
from tests.device import crafted

Ends = Literal["dense", "relu", "convolution", "wide", "first_convolution", "sigmoid", "hidden", "maximum"]
OPERATOR, OPTIONS = schema.BuiltinOperator, schema.BuiltinOptions
CHANNELS, SIDE = 16, 4  # of the last convolution
Array = npt.NDArray[np.float32]


@cache
def network(ends: Ends = "dense") -> bytes:
    """Pixels 0..255 in, probabilities of drawing.LABELS out; of "sigmoid" that of 'not a circle'.

    dense: MEAN, FULLY_CONNECTED. relu: the dense layer has an activation. convolution: AVERAGE_POOL_2D and a 1x1
    convolution. wide: a 3x3 one. first_convolution: the 1x1 convolution before the average. hidden: two dense layers.
    maximum: MAX_POOL_2D in the average's place.
    """
    weights, bias = _fitted()
    if ends == "sigmoid":
        weights, bias = -weights[:1], -bias[:1]
    return _built(ends, weights, bias)


def write(path: Path, data: bytes, variant: str = "float32", labels: Sequence[str] = drawing.LABELS) -> Path:
    """With a card."""
    kind: cards.OutputKind = "sigmoid" if len(labels) == 2 else "softmax"
    card = crafted.card(tuple(labels), foreign.SIZE, variant=variant, output=cards.OutputSpec(kind))
    return crafted.write(path, cards.append_archive(data, card, {}))


@cache
def _fitted() -> tuple[Array, Array]:
    """Least squares on the averages of 300 drawn images."""
    drawn = drawing.shapes(300, 7, foreign.SIZE)
    interpreter = runtime.find("litert").interpreter(model_content=_End(_tree()).averages())
    interpreter.allocate_tensors()
    rows = []
    for _, image in drawn:
        interpreter.set_tensor(interpreter.get_input_details()[0]["index"], image[None].astype(np.float32))
        interpreter.invoke()
        rows.append(np.r_[interpreter.get_tensor(interpreter.get_output_details()[0]["index"])[0], 1])
    wanted = np.array([[8.0 * (label == each) for each in drawing.LABELS] for label, _ in drawn])
    found = np.linalg.lstsq(np.stack(rows), wanted, rcond=None)[0].T.astype(np.float32)
    return np.ascontiguousarray(found[:, :-1]), np.ascontiguousarray(found[:, -1])


def _tree() -> Any:
    return flatbuffer_utils.read_model_from_bytearray(bytearray(foreign.unsigned()))


def _built(ends: Ends, weights: Array, bias: Array) -> bytes:
    return _End(_tree()).built(ends, weights, bias)


class _End:
    """Puts other operators behind the convolutions."""

    def __init__(self, tree: Any) -> None:
        self.tree, self.graph = tree, tree.subgraphs[0]
        self.graph.operators = self.graph.operators[:3]
        self.place = self.graph.operators[-1].outputs[0]

    def built(self, ends: Ends, weights: Array, bias: Array) -> bytes:
        labels = len(bias)
        if ends == "first_convolution":
            self._weighted(OPERATOR.CONV_2D, weights[:, None, None, :], bias, (1, SIDE, SIDE, labels))
            self._mean((1, labels))
        elif ends in ("convolution", "wide"):
            self._pool(OPERATOR.AVERAGE_POOL_2D)
            beyond = (0, 0) if ends == "convolution" else (1, 1)
            kernel = np.pad(weights[:, None, None, :], ((0, 0), beyond, beyond, (0, 0)))
            self._weighted(OPERATOR.CONV_2D, kernel, bias, (1, 1, 1, labels))
        else:
            if ends == "maximum":
                self._pool(OPERATOR.MAX_POOL_2D)
            else:
                self._mean((1, CHANNELS))
            if ends == "hidden":
                self._weighted(OPERATOR.FULLY_CONNECTED, np.eye(CHANNELS, dtype=np.float32), None, (1, CHANNELS))
            self._weighted(OPERATOR.FULLY_CONNECTED, weights, bias, (1, labels), is_relu=ends == "relu")
        shape = tuple(self.graph.tensors[self.place].shape)
        if labels == 1:
            self._operator(OPERATOR.LOGISTIC, [self.place], shape)
        else:
            softmax = schema.SoftmaxOptionsT()
            softmax.beta = 1.0
            self._operator(OPERATOR.SOFTMAX, [self.place], shape, OPTIONS.SoftmaxOptions, softmax)
        return self._packed()

    def averages(self) -> bytes:
        """What goes into the dense layer."""
        self._mean((1, CHANNELS))
        return self._packed()

    def _packed(self) -> bytes:
        self.graph.outputs = [self.place]
        self._drop_unused()
        return bytes(flatbuffer_utils.convert_object_to_bytearray(self.tree))

    def _drop_unused(self) -> None:
        """Tensors of the end that was there: the quantizer would ask for their values."""
        ends = [*self.graph.inputs, *self.graph.outputs]
        used = {place for one in self.graph.operators for place in (*one.inputs, *one.outputs) if place >= 0} | {*ends}
        places = {old: new for new, old in enumerate(sorted(used))} | {-1: -1}
        for one in (self.graph, *self.graph.operators):
            one.inputs, one.outputs = ([places[place] for place in end] for end in (one.inputs, one.outputs))
        self.graph.tensors = [self.graph.tensors[place] for place in sorted(used)]

    def _mean(self, shape: tuple[int, ...]) -> None:
        options = schema.ReducerOptionsT()
        axes = self._constant(np.array([1, 2], np.int32))
        self._operator(OPERATOR.MEAN, [self.place, axes], shape, OPTIONS.ReducerOptions, options)

    def _pool(self, kind: int) -> None:
        options = schema.Pool2DOptionsT()
        options.padding = schema.Padding.VALID
        options.filterHeight = options.filterWidth = options.strideH = options.strideW = SIDE
        self._operator(kind, [self.place], (1, 1, 1, CHANNELS), OPTIONS.Pool2DOptions, options)

    def _weighted(
        self, kind: int, weights: Array, bias: Array | None, shape: tuple[int, ...], is_relu: bool = False
    ) -> None:
        inputs = [self.place, self._constant(weights), -1 if bias is None else self._constant(bias)]
        if kind == OPERATOR.CONV_2D:
            convolution = schema.Conv2DOptionsT()
            convolution.padding, convolution.strideH, convolution.strideW = schema.Padding.SAME, 1, 1
            self._operator(kind, inputs, shape, OPTIONS.Conv2DOptions, convolution)
            return
        dense = schema.FullyConnectedOptionsT()
        if is_relu:
            dense.fusedActivationFunction = schema.ActivationFunctionType.RELU
        self._operator(kind, inputs, shape, OPTIONS.FullyConnectedOptions, dense)

    def _operator(
        self, kind: int, inputs: list[int], shape: tuple[int, ...], options_type: int = 0, options: Any = None
    ) -> None:
        operator = schema.OperatorT()
        operator.opcodeIndex = self._code(kind)
        operator.inputs, operator.outputs = inputs, [self._tensor(shape, schema.TensorType.FLOAT32, 0)]
        operator.builtinOptionsType, operator.builtinOptions = options_type, options
        self.graph.operators.append(operator)
        self.place = operator.outputs[0]

    def _code(self, kind: int) -> int:
        code = schema.OperatorCodeT()
        code.builtinCode = code.deprecatedBuiltinCode = kind
        code.version = 1
        self.tree.operatorCodes.append(code)
        return len(self.tree.operatorCodes) - 1

    def _constant(self, array: npt.NDArray[Any]) -> int:
        buffer = schema.BufferT()
        buffer.data = np.frombuffer(np.ascontiguousarray(array).tobytes(), np.uint8)
        self.tree.buffers.append(buffer)
        kind = schema.TensorType.INT32 if array.dtype == np.int32 else schema.TensorType.FLOAT32
        return self._tensor(array.shape, kind, len(self.tree.buffers) - 1)

    def _tensor(self, shape: Sequence[int], kind: int, buffer: int) -> int:
        tensor = schema.TensorT()
        tensor.shape, tensor.type, tensor.buffer = list(shape), kind, buffer
        tensor.name = f"end_{len(self.graph.tensors)}".encode()
        self.graph.tensors.append(tensor)
        return len(self.graph.tensors) - 1
