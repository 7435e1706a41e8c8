"""Finds the end of a network that is an average over height and width, followed by one dense layer or none.

Searches the .tflite's graph backward from the output. Other networks don't show how much each place adds to a score.
"""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from device.errors import UserError
from device.model import flatbuffer
from device.model.flatbuffer import CARRIERS, PROBABILITIES, Producer

Reals = npt.NDArray[np.float64]

# Of the schema's BuiltinOperator.
AVERAGE_POOL_2D, CONV_2D, FULLY_CONNECTED, SOFTMAX, LOGISTIC, MEAN = 1, 3, 9, 25, 14, 40
NAMES = {
    0: "ADD",
    AVERAGE_POOL_2D: "AVERAGE_POOL_2D",
    2: "CONCATENATION",
    CONV_2D: "CONV_2D",
    4: "DEPTHWISE_CONV_2D",
    FULLY_CONNECTED: "FULLY_CONNECTED",
    LOGISTIC: "LOGISTIC",
    17: "MAX_POOL_2D",
    18: "MUL",
    19: "RELU",
    21: "RELU6",
    22: "RESHAPE",
    SOFTMAX: "SOFTMAX",
    MEAN: "MEAN",
    43: "SQUEEZE",
    74: "SUM",
    82: "REDUCE_MAX",
}
# The number of last operators that an error names.
SHOWN = 5


@dataclass(frozen=True)
class Step:
    """An operator on the way back from the output. output: its tensor on that way."""

    producer: Producer
    output: int

    @property
    def kind(self) -> int:
        return self.producer.kind

    @property
    def source(self) -> int:
        return self.producer.inputs[0] if self.producer.inputs else -1


@dataclass(frozen=True)
class PooledHead:
    """The indices of the tensors, and the dense layer.

    activations: [1, height, width, channels], the input of the average; pooled: the averages; features: the input of
    the dense layer; logits: the input of softmax or sigmoid. weights: [labels, channels]; bias: [labels]. is_dynamic:
    the dense layer rounds its features to eight bits at run time. has_scales: its int8 weights have a scale per label.
    """

    activations: int
    pooled: int
    features: int
    logits: int
    weights: Reals
    bias: Reals
    is_dynamic: bool = False
    has_scales: bool = False


class NoPooledHeadError(UserError):
    """The network doesn't end in an average and one dense layer."""


def find(path: Path, interpreter: Any) -> PooledHead:
    """The head of the network that the interpreter loaded from this file; NoPooledHeadError if it ends otherwise."""
    return _Finder(path, interpreter).head()


class _Finder:
    def __init__(self, path: Path, interpreter: Any) -> None:
        self.path, self.interpreter = path, interpreter
        self.producers, self.output = flatbuffer.producers(path)
        self.details = {each["index"]: each for each in interpreter.get_tensor_details()}

    def head(self) -> PooledHead:
        every = self._way_back()
        steps = [step for step in every if step.kind not in CARRIERS]
        logits = self.output
        if steps and steps[0].kind in PROBABILITIES:
            logits = steps.pop(0).source
        dense = steps.pop(0) if len(steps) > 1 and self._is_dense(steps[0]) else None
        if not steps or not self._averages_all(steps[0]):
            raise self._refusal(every)
        pool = steps[0]
        height, width, channels = self._shape(pool.source)[1:]
        if height * width == 1:
            raise NoPooledHeadError(
                f"{self.path}: its last feature map is 1x1, so there are no places to tell apart; expected a network"
                " with a larger one: give it larger images, or train one with fewer strides"
            )
        if dense is None:  # the channels are the labels (Lin et al., 2013, https://arxiv.org/abs/1312.4400)
            weights, bias = np.eye(channels), np.zeros(channels)
            return PooledHead(pool.source, pool.output, logits, logits, weights, bias)
        kernel = self._constant(dense.producer.inputs[1])
        if self._shape(kernel)[-1] != channels:
            raise self._refusal(every)
        weights = self.real(kernel).reshape(-1, channels)
        bias = self._bias(dense, len(weights))
        is_int8 = self.details[kernel]["dtype"] == np.int8
        is_dynamic = is_int8 and self.details[dense.source]["dtype"] == np.float32
        has_scales = is_int8 and len(self.details[kernel]["quantization_parameters"]["scales"]) > 1
        return PooledHead(pool.source, pool.output, dense.source, logits, weights, bias, is_dynamic, has_scales)

    def _way_back(self) -> list[Step]:
        """The operators from the output backward, along the first input of each."""
        found: list[Step] = []
        place = self.output
        while place in self.producers and len(found) < len(self.producers):
            found.append(Step(self.producers[place], place))
            place = found[-1].source
        return found

    def _is_dense(self, step: Step) -> bool:
        """Whether it is a dense layer with constant weights; a 1x1 convolution of one place is one too."""
        if step.kind not in (FULLY_CONNECTED, CONV_2D):
            return False
        kernel = self._constant(step.producer.inputs[1])
        is_of_one_place = step.kind == FULLY_CONNECTED or self._shape(step.source)[1:3] == (1, 1)
        return is_of_one_place and kernel not in self.producers and math.prod(self._shape(kernel)[1:-1]) == 1

    def _averages_all(self, step: Step) -> bool:
        """Whether it averages over height and width, and nothing else."""
        shape = self._shape(step.source)
        if len(shape) != 4 or shape[0] != 1:
            return False
        if step.kind == AVERAGE_POOL_2D:
            return self._shape(step.output)[1:3] == (1, 1)
        if step.kind != MEAN:
            return False
        axes = np.atleast_1d(self.interpreter.get_tensor(step.producer.inputs[1]))
        return {int(axis) % 4 for axis in axes} == {1, 2}

    def _constant(self, place: int) -> int:
        """The constant tensor, before its conversion from half precision to float32."""
        while place in self.producers and self.producers[place].kind in CARRIERS:
            place = self.producers[place].inputs[0]
        return place

    def _bias(self, dense: Step, count: int) -> Reals:
        inputs = dense.producer.inputs
        if len(inputs) < 3 or inputs[2] < 0:
            return np.zeros(count)
        return self.real(self._constant(inputs[2])).reshape(-1)

    def real(self, place: int) -> Reals:
        return real(self.interpreter, self.details[place])

    def _shape(self, place: int) -> tuple[int, ...]:
        return tuple(int(side) for side in self.details[place]["shape"])

    def _refusal(self, steps: list[Step]) -> NoPooledHeadError:
        kinds = [NAMES.get(step.kind, f"operator {step.kind}") for step in reversed(steps[:SHOWN])]
        return NoPooledHeadError(
            f"{self.path}: the network ends in {', '.join(kinds) or 'no operator at all'}; expected an average over"
            " height and width (MEAN, AVERAGE_POOL_2D), then at most one dense layer, then SOFTMAX or LOGISTIC: only"
            " there does each place have its share of a score; train one that ends so, such as the recipe transfer"
        )


def real(interpreter: Any, details: dict[str, Any]) -> Reals:
    """A tensor's real numbers; a quantized tensor's are computed from its values."""
    values: Reals = interpreter.get_tensor(details["index"]).astype(np.float64)
    given = details["quantization_parameters"]
    scales, zero_points = np.asarray(given["scales"], np.float64), np.asarray(given["zero_points"], np.float64)
    if not len(scales) or not np.issubdtype(details["dtype"], np.integer):
        return values
    axis = int(given["quantized_dimension"])
    shape = [-1 if place == axis else 1 for place in range(values.ndim)] if len(scales) > 1 else ()
    dequantized: Reals = (values - zero_points.reshape(shape)) * scales.reshape(shape)
    return dequantized
