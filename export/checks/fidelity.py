"""Checks operator by operator that a variant is the float network, independently of its scores.

Quantization rounds a weight to the nearest step, and its ranges hold what the float network computes. A fault (a wrong
range or scale, swapped channels, a layer or bias that is gone) breaks that in one place by far more than rounding can,
also where the scores of a network that is very sure hardly show it.
"""

import warnings
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from ai_edge_litert import schema_py_generated as schema
from litert_quantizer.utils import tfl_interpreter_utils

from export.conversion import hard_swish, objects

OPERATOR, TYPE = schema.BuiltinOperator, schema.TensorType
CONVERSIONS = (OPERATOR.QUANTIZE, OPERATOR.DEQUANTIZE)
# A weight lies within half a step of the float one. The limit is of the root mean square over one of a layer's outputs.
MOST_STEPS = 1.0
# The range of a tensor holds all that it takes on over calibration images, but for this share, or for one of its own
# steps: its zero point is rounded, and a tensor that hardly varies (a dead layer's, a gate's that is always open) has a
# range far wider than what it takes on, which always holds 0 and is 1e-9 wide at least.
LEAST_HELD = 0.98
STEPS = 255
# float16's step: of a number of size 1, and of the smallest.
HALF, SMALLEST_HALF = 2.0**-10, 2.0**-24
NUMBERS = {
    TYPE.FLOAT32: np.float32,
    TYPE.FLOAT16: np.float16,
    TYPE.INT8: np.int8,
    TYPE.UINT8: np.uint8,
    TYPE.INT16: np.int16,
    TYPE.INT32: np.int32,
    TYPE.INT64: np.int64,
}
CODES = (np.int8, np.uint8, np.int16)
ENDS = np.iinfo(np.int32)

Reals = npt.NDArray[np.float64]
Range = tuple[float, float]


@dataclass(frozen=True)
class Constant:
    """A weight or bias: its real numbers, their rounding step (0 for none), and the axis of the layer's outputs."""

    numbers: Reals
    step: Reals
    axis: int


class Graph:
    """A .tflite's first subgraph, read for comparing: operators without conversions, tensors by their real numbers.

    An int8 HARD_SWISH that was split is one operator again.
    """

    def __init__(self, model: bytes) -> None:
        self.tree = objects.read(model)
        hard_swish.join(self.tree)
        self.graph = self.tree.subgraphs[0]
        self.operators = [one for one in self.graph.operators if self.kind(one) not in CONVERSIONS]
        conversions = [one for one in self.graph.operators if self.kind(one) in CONVERSIONS]
        self.before = {one.outputs[0]: one.inputs[0] for one in conversions}

    def kind(self, operator: Any) -> int:
        return objects.kind(self.tree, operator)

    def name(self, operator: Any) -> str:
        """The first layer's name: the converter joins the names of all layers that became one operator."""
        return objects.text(self.graph.tensors[operator.outputs[0]].name).partition(";")[0]

    def constants(self, operator: Any) -> list[Constant | None]:
        """The constant for each input; None for computed inputs, and for shapes and the like."""
        return [self._constant(index) if index >= 0 else None for index in operator.inputs]

    def _constant(self, index: int) -> Constant | None:
        tensor = self.graph.tensors[self.before.get(index, index)]
        data = self.tree.buffers[tensor.buffer].data
        dtype: Any = NUMBERS.get(tensor.type)
        if data is None or not len(data) or dtype is None or tensor.sparsity is not None:
            return None
        raw = np.frombuffer(bytes(data), dtype).reshape(objects.integers(tensor.shape))
        numbers = raw.astype(np.float64)
        if dtype == np.float32:
            return Constant(numbers, np.zeros(()), 0)
        if dtype == np.float16:
            return Constant(numbers, np.maximum(np.abs(numbers) * HALF, SMALLEST_HALF), 0)
        scale = tensor.quantization.scale if tensor.quantization is not None else None
        if scale is None or not len(scale):
            return None
        axis = int(tensor.quantization.quantizedDimension or 0)
        shape = [-1 if place == axis else 1 for place in range(raw.ndim)] if len(scale) > 1 else ()
        step = np.asarray(scale, np.float64).reshape(shape)
        zero = np.asarray(tensor.quantization.zeroPoint, np.float64).reshape(shape)
        # The bias of a filter whose weights are all but nothing has so small a step that int32 can't hold it.
        ended = (numbers <= ENDS.min) | (numbers >= ENDS.max)
        return Constant((numbers - zero) * step, np.where(ended, np.inf, step), axis)

    def range(self, index: int) -> Range | None:
        """The lowest and highest real number of a quantized tensor; None for others."""
        tensor = self.graph.tensors[index]
        dtype: Any = NUMBERS.get(tensor.type)
        if dtype not in CODES or tensor.quantization is None or tensor.quantization.scale is None:
            return None
        scale, zero = float(tensor.quantization.scale[0]), int(tensor.quantization.zeroPoint[0])
        codes = np.iinfo(dtype)
        return (codes.min - zero) * scale, (codes.max - zero) * scale


def taken(float32: bytes, inputs: Iterable[npt.NDArray[np.float32]]) -> dict[int, Range]:
    """The lowest and highest number of each computed tensor, by its index, over some input tensors."""
    source = Graph(float32)
    makes = {index for operator in source.operators for index in operator.outputs}
    makes = {index for index in makes if source.graph.tensors[index].type == TYPE.FLOAT32}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that all tensors are kept is for debugging
        interpreter = tfl_interpreter_utils.create_tfl_interpreter(float32, num_threads=2)
    found: dict[int, Range] = {}
    for tensor in inputs:
        interpreter.set_tensor(interpreter.get_input_details()[0]["index"], tensor)
        interpreter.invoke()
        for index in makes:
            numbers = interpreter.get_tensor(index)
            low, high = found.get(index, (np.inf, -np.inf))
            found[index] = min(low, float(numbers.min())), max(high, float(numbers.max()))
    return found


def faults(float32: bytes, variant: bytes, pixels: Range, taken: Mapping[int, Range]) -> list[str]:
    """The parts of a variant that aren't the float network; [] if rounding explains every difference.

    pixels: what the network is fed for 0 and for 255. taken: the float network's ranges over calibration images.
    Where the two files have other operators, the input alone is judged.
    """
    source, made = Graph(float32), Graph(variant)
    found = list(_input_fault(made, pixels))
    if [source.kind(one) for one in source.operators] != [made.kind(one) for one in made.operators]:
        return found
    weights: list[str] = []
    ranges: list[str] = []
    for ours, theirs in zip(made.operators, source.operators, strict=True):
        name = source.name(theirs)
        pairs = zip(made.constants(ours), source.constants(theirs), strict=False)
        worst = max((_steps(one, other) for one, other in pairs if one and other), default=0.0)
        if not worst <= MOST_STEPS:
            weights.append(f"the weights of {name} are {worst:.3g} rounding steps away from float32's")
        ranges += _range_fault(made.range(ours.outputs[0]), taken.get(theirs.outputs[0]), name)
    end = source.graph.outputs[0]
    ranges += _range_fault(made.range(made.graph.outputs[0]), taken.get(end), "the scores")
    return [*found, *_first(weights), *_first(ranges)]


def _first(said: list[str]) -> list[str]:
    more = f" (and of {len(said) - 1} more operators)" if len(said) > 1 else ""
    return [said[0] + more] if said else []


def _input_fault(made: Graph, pixels: Range) -> Iterator[str]:
    held = made.range(made.graph.inputs[0])
    if held is None:
        return
    room = 0.01 * (pixels[1] - pixels[0])
    if abs(held[0] - pixels[0]) > room or abs(held[1] - pixels[1]) > room:
        yield f"its input takes {held[0]:.4g} to {held[1]:.4g}, and is fed {pixels[0]:.4g} to {pixels[1]:.4g}"


def _steps(ours: Constant, theirs: Constant) -> float:
    """The distance in rounding steps, root mean square over that of a layer's outputs where it is largest."""
    if ours.numbers.shape != theirs.numbers.shape:
        return np.inf
    error = np.abs(ours.numbers - theirs.numbers)
    # Where there is no rounding, one step is what float32 tells apart.
    step = np.maximum(ours.step, np.finfo(np.float32).eps * np.abs(theirs.numbers) + np.finfo(np.float32).tiny)
    with np.errstate(over="ignore", invalid="ignore"):
        squares = (error / step) ** 2
    others = tuple(axis for axis in range(error.ndim) if axis != ours.axis)
    return float(np.sqrt(squares.mean(axis=others).max())) if squares.size else 0.0


def _range_fault(ours: Range | None, taken: Range | None, name: str) -> Iterator[str]:
    if ours is None or taken is None or not taken[0] < taken[1]:
        return
    span, step = taken[1] - taken[0], (ours[1] - ours[0]) / STEPS
    held = max(0.0, min(ours[1], taken[1]) - max(ours[0], taken[0])) / span
    if not (held >= LEAST_HELD or (1 - held) * span <= step):
        yield f"the range of {name} holds {100 * held:.0f} % of what float32 computes there"
