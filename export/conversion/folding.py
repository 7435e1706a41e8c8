"""Folds arithmetic on pixels into the first convolution, where that is exact.

A `Rescaling` layer with an offset (0..255 to -1..1) stays two operators after conversion, MUL and ADD over the whole
image; in int8 each of them rounds. A convolution is linear, so its weights and its bias can do the same:
W (M x + c) = (W M) x + W c, of every pixel's channels x.

At the border that holds where nothing is padded, or zeros around the scaled image are zeros before it is scaled. Other
networks stay as they are. There a PADV2 with the pixel that becomes zero would be as exact, but XNNPACK doesn't compute
it: it costs more than the arithmetic (docs/results.md).
"""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
from ai_edge_litert import schema_py_generated as schema

from export.conversion import objects

KIND, TYPE = schema.BuiltinOperator, schema.TensorType
NO_ACTIVATION = schema.ActivationFunctionType.NONE
CONVOLUTIONS = (KIND.CONV_2D, KIND.DEPTHWISE_CONV_2D)
CHANNELS = 3

Reals = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Affine:
    """A function of a pixel's channels x: factors @ x + offsets."""

    factors: Reals = field(default_factory=lambda: np.eye(CHANNELS))
    offsets: Reals = field(default_factory=lambda: np.zeros(CHANNELS))

    def then(self, other: "Affine") -> "Affine":
        return Affine(other.factors @ self.factors, other.factors @ self.offsets + other.offsets)

    @property
    def is_diagonal(self) -> bool:
        return bool((self.factors == np.diag(np.diag(self.factors))).all())


@dataclass(frozen=True)
class Front:
    """The operators between the input and the first convolution."""

    affine: Affine
    operators: tuple[Any, ...]
    pad: Any | None
    convolution: Any


def folded(model: bytes) -> bytes:
    """The same network with as little as possible before the first convolution; the same bytes if nothing is folded.

    model: a bare float network.
    """
    network = _Network(model)
    front = network.front()
    if front is None or not network.fold(front):
        return model
    objects.sweep(network.tree)
    return objects.packed(network.tree)


class _Network:
    def __init__(self, model: bytes) -> None:
        self.tree = objects.read(model)
        self.graph = self.tree.subgraphs[0]

    def front(self) -> Front | None:
        """None if there is no arithmetic, or something else besides."""
        index, affine, operators, pad = int(self.graph.inputs[0]), Affine(), [], None
        while reader := self._only_reader(index):
            step = self._step(reader, index)
            if step is not None and pad is None:
                affine = affine.then(step)
                operators.append(reader)
            elif objects.kind(self.tree, reader) == KIND.PAD and pad is None:
                pad = reader
            elif operators and objects.kind(self.tree, reader) in CONVOLUTIONS:
                return Front(affine, tuple(operators), pad, reader)
            else:
                return None
            index = int(reader.outputs[0])
        return None

    def _only_reader(self, index: int) -> Any:
        readers = [one for one in self.graph.operators if index in one.inputs]
        return readers[0] if len(readers) == 1 and index not in self.graph.outputs else None

    def _step(self, operator: Any, index: int) -> Affine | None:
        """The function of an operator that acts on each pixel alone; None for others."""
        kind, inputs = objects.kind(self.tree, operator), [int(one) for one in operator.inputs]
        options = operator.builtinOptions
        if getattr(options, "fusedActivationFunction", NO_ACTIVATION) != NO_ACTIVATION:
            return None
        if kind in CONVOLUTIONS:
            return self._pointwise(kind, inputs, options)
        if kind not in (KIND.MUL, KIND.ADD, KIND.SUB, KIND.DIV) or len(inputs) != 2:
            return None
        is_second = inputs[1] == index
        number = self._numbers(inputs[1 - is_second])
        if number is None or number.size not in (1, CHANNELS) or number.size != (number.shape or (1,))[-1]:
            return None
        return _of_arithmetic(kind, np.broadcast_to(number.reshape(-1), CHANNELS), bool(is_second))

    def _pointwise(self, kind: int, inputs: list[int], options: Any) -> Affine | None:
        """The function of a 1x1 convolution from three channels to three."""
        weights = self._numbers(inputs[1])
        shape = (1, 1, 1, CHANNELS) if kind == KIND.DEPTHWISE_CONV_2D else (CHANNELS, 1, 1, CHANNELS)
        if weights is None or weights.shape != shape or (options.strideH, options.strideW) != (1, 1):
            return None
        offsets = self._numbers(inputs[2]) if len(inputs) > 2 and inputs[2] >= 0 else np.zeros(CHANNELS)
        factors = np.diag(weights.reshape(-1)) if kind == KIND.DEPTHWISE_CONV_2D else weights.reshape(CHANNELS, -1)
        return None if offsets is None else Affine(factors, offsets)

    def _numbers(self, index: int) -> Reals | None:
        """The numbers of a float32 constant; None for any other tensor."""
        tensor = self.graph.tensors[index]
        data = self.tree.buffers[tensor.buffer].data
        if data is None or not len(data) or tensor.type != TYPE.FLOAT32 or tensor.sparsity is not None:
            return None
        return np.frombuffer(bytes(data), np.float32).reshape(objects.integers(tensor.shape)).astype(np.float64)

    def fold(self, front: Front) -> bool:
        """Folds the function into the convolution and returns True, or changes nothing and returns False."""
        convolution, affine = front.convolution, front.affine
        is_depthwise = objects.kind(self.tree, convolution) == KIND.DEPTHWISE_CONV_2D
        constants = [int(index) for index in convolution.inputs[1:]]
        if len(constants) != 2 or min(constants) < 0 or any(map(self._is_shared, constants)):
            return False
        weights, bias = map(self._numbers, constants)
        if weights is None or bias is None:
            return False
        fits = affine.is_diagonal if is_depthwise else weights.shape[-1] == CHANNELS
        if not fits:
            return False
        if affine.offsets.any() and (front.pad is not None or self._pads(convolution, weights.shape[1:3])):
            return False
        self._put(convolution, weights, bias, affine, is_depthwise)
        first = front.pad or convolution
        first.inputs = [int(self.graph.inputs[0]), *first.inputs[1:]]
        gone = front.operators
        self.graph.operators = [one for one in self.graph.operators if all(one is not other for other in gone)]
        return True

    def _is_shared(self, index: int) -> bool:
        return sum(list(one.inputs).count(index) for one in self.graph.operators) > 1

    def _pads(self, convolution: Any, kernel: tuple[int, ...]) -> bool:
        options = convolution.builtinOptions
        if options.padding == schema.Padding.VALID:
            return False
        image = self.graph.tensors[convolution.inputs[0]].shape[1:3]
        strides, dilations = (options.strideH, options.strideW), (options.dilationHFactor, options.dilationWFactor)
        return any(map(_same, image, kernel, strides, dilations))

    def _put(self, convolution: Any, weights: Reals, bias: Reals, affine: Affine, is_depthwise: bool) -> None:
        if is_depthwise:
            each = weights.shape[-1] // CHANNELS
            factors, offsets = np.repeat(np.diag(affine.factors), each), np.repeat(affine.offsets, each)
            changed, shift = weights * factors, (weights * offsets).sum(axis=(0, 1, 2))
        else:
            changed, shift = weights @ affine.factors, (weights @ affine.offsets).sum(axis=(1, 2))
        for index, numbers in zip(convolution.inputs[1:], (changed, bias + shift), strict=True):
            objects.put(self.tree, self.graph.tensors[index], numbers.astype(np.float32))


def _of_arithmetic(kind: int, number: Reals, is_second: bool) -> Affine | None:
    """is_second: whether the pixels are the second of the operator's inputs."""
    zeros, ones = np.zeros(CHANNELS), np.ones(CHANNELS)
    if kind == KIND.MUL:
        return Affine(np.diag(number), zeros)
    if kind == KIND.ADD:
        return Affine(np.diag(ones), number)
    if kind == KIND.SUB:
        return Affine(np.diag(-ones), number) if is_second else Affine(np.diag(ones), -number)
    return None if is_second or not number.all() else Affine(np.diag(1 / number), zeros)


def _same(length: int, kernel: int, stride: int, dilation: int) -> int:
    """The number of rows or columns that the padding SAME adds."""
    reach = (kernel - 1) * dilation + 1
    return max(0, (-(-int(length) // stride) - 1) * stride + reach - int(length))
