"""A float network that learns to bear rounding: it is trained as its int8 file computes, taught by its own scores.

In the forward direction weights and tensors are rounded as the quantizer rounds them, to the same ranges; backward,
rounding counts as the identity (B. Jacob et al., Quantization and Training of Neural Networks for Efficient
Integer-Arithmetic-Only Inference, 2017, https://arxiv.org/abs/1712.05877). What is learned is counted in steps of
rounding, so that channels of any size learn alike.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf
from ai_edge_litert import schema_py_generated as schema

from export.conversion import objects

OPERATOR, FUSED = schema.BuiltinOperator, schema.ActivationFunctionType
PADDINGS = {schema.Padding.SAME: "SAME", schema.Padding.VALID: "VALID"}
ACTIVATIONS = {FUSED.NONE: tf.identity, FUSED.RELU: tf.nn.relu, FUSED.RELU6: tf.nn.relu6}
WEIGHTED = (OPERATOR.CONV_2D, OPERATOR.DEPTHWISE_CONV_2D, OPERATOR.FULLY_CONNECTED)
# Their outputs keep their input's scale.
SAME_SCALE = (OPERATOR.RESHAPE, OPERATOR.PAD, OPERATOR.MAX_POOL_2D)
STEPS_OF_INT8 = 255
# Adam's rate, in steps of rounding; a cosine takes it to 0.
RATE = 0.1
SEED = 1

Range = tuple[float, float]


class UnknownOperatorError(Exception):
    """One that isn't known here."""


@dataclass(frozen=True)
class Learned:
    """A weight or bias: what it was, its step of rounding, and by how many steps it has moved."""

    base: npt.NDArray[np.float32]
    step: npt.NDArray[np.float32]
    moved: Any

    @property
    def value(self) -> Any:
        return self.base + self.step * self.moved


class Student:
    """ranges: of the input and of every tensor that an operator makes, by name."""

    def __init__(self, float32: bytes, ranges: Mapping[str, Range]) -> None:
        self.tree = objects.read(float32)
        self.graph = self.tree.subgraphs[0]
        self._ranges = ranges
        operators = list(self.graph.operators)
        ends_in_softmax = objects.kind(self.tree, operators[-1]) == OPERATOR.SOFTMAX
        self._operators = operators[:-1] if ends_in_softmax else operators
        for one in self._operators:
            if objects.kind(self.tree, one) not in COMPUTED or _fused(one) not in ACTIVATIONS:
                raise UnknownOperatorError(objects.operator_name(self.tree, one))
        self.learned: dict[int, Learned] = {}
        for one in self._operators:
            if objects.kind(self.tree, one) in WEIGHTED:
                self._add(one)

    def _add(self, operator: Any) -> None:
        """A weight's step is that of its output channel, a bias' that of what its layer makes."""
        place = int(operator.inputs[1])
        weights = self.constant(place)
        assert weights is not None
        axis = weights.ndim - 1 if objects.kind(self.tree, operator) == OPERATOR.DEPTHWISE_CONV_2D else 0
        others = tuple(other for other in range(weights.ndim) if other != axis)
        self._learn(place, weights, np.abs(weights).max(axis=others, keepdims=True) / 127)
        if len(operator.inputs) > 2 and operator.inputs[2] >= 0:
            bias, (low, high) = self.constant(int(operator.inputs[2])), self._range(int(operator.outputs[0]))
            assert bias is not None
            self._learn(int(operator.inputs[2]), bias, np.full(bias.shape, (high - low) / STEPS_OF_INT8))

    def _learn(self, place: int, base: npt.NDArray[np.float32], step: npt.NDArray[Any]) -> None:
        self.learned[place] = Learned(base, step.astype(np.float32), tf.Variable(tf.zeros(base.shape)))

    def constant(self, place: int) -> npt.NDArray[Any] | None:
        tensor = self.graph.tensors[place]
        data = self.tree.buffers[tensor.buffer].data
        if data is None or not len(data):
            return None
        kind = np.float32 if tensor.type == schema.TensorType.FLOAT32 else np.int32
        return np.frombuffer(bytes(data), kind).reshape(() if tensor.shape is None else tensor.shape)

    def _range(self, place: int) -> Range:
        return self._ranges[objects.text(self.graph.tensors[place].name)]

    def logits(self, inputs: Any) -> Any:
        """What goes into the last softmax, or the scores of a network without one."""
        values = {int(self.graph.inputs[0]): self._rounded(inputs, int(self.graph.inputs[0]))}
        for operator in self._operators:
            kind, place = objects.kind(self.tree, operator), int(operator.outputs[0])
            made = COMPUTED[kind](self, operator, [self._value(int(index), values) for index in operator.inputs])
            made = ACTIVATIONS[_fused(operator)](made)
            values[place] = made if kind in SAME_SCALE else self._rounded(made, place)
        return values[int(self._operators[-1].outputs[0])]

    def _rounded(self, made: Any, place: int) -> Any:
        low, high = self._range(place)
        if not low < high:
            return made
        return tf.quantization.fake_quant_with_min_max_args(made, min(low, 0.0), max(high, 0.0), num_bits=8)

    def _value(self, place: int, values: Mapping[int, Any]) -> Any:
        if place < 0 or place in values:
            return values.get(place)
        return self.learned[place].value if place in self.learned else self.constant(place)

    def shape(self, operator: Any) -> list[int]:
        """Of what it makes, for any number of images."""
        return [-1, *(int(side) for side in self.graph.tensors[operator.outputs[0]].shape[1:])]

    def packed(self) -> bytes:
        """The float network with what was learned."""
        for place, one in self.learned.items():
            objects.put(self.tree, self.graph.tensors[place], np.asarray(one.value, np.float32))
        return objects.packed(self.tree)


def _fused(operator: Any) -> int:
    return int(getattr(operator.builtinOptions, "fusedActivationFunction", FUSED.NONE))


def _kernel(weights: Any) -> Any:
    """Rounded, with a scale for each of the last axis, which is that of the outputs."""
    flat = tf.reshape(tf.abs(weights), [-1, weights.shape[-1]])
    largest = tf.maximum(tf.stop_gradient(tf.reduce_max(flat, axis=0)), 1e-30)
    return tf.quantization.fake_quant_with_min_max_vars_per_channel(weights, -largest, largest, 8, True)


def _plus(made: Any, inputs: list[Any]) -> Any:
    return made + inputs[2] if len(inputs) > 2 and inputs[2] is not None else made


def _convolution(student: Student, operator: Any, inputs: list[Any]) -> Any:
    options, kernel = operator.builtinOptions, _kernel(tf.transpose(inputs[1], (1, 2, 3, 0)))
    strides, dilations = (options.strideH, options.strideW), (options.dilationHFactor, options.dilationWFactor)
    return _plus(tf.nn.conv2d(inputs[0], kernel, strides, PADDINGS[options.padding], dilations=dilations), inputs)


def _depthwise(student: Student, operator: Any, inputs: list[Any]) -> Any:
    options, weights = operator.builtinOptions, _kernel(inputs[1])
    kernel = tf.reshape(weights, (*weights.shape[1:3], inputs[0].shape[-1], -1))
    strides, dilations = (1, options.strideH, options.strideW, 1), (options.dilationHFactor, options.dilationWFactor)
    padding = PADDINGS[options.padding]
    return _plus(tf.nn.depthwise_conv2d(inputs[0], kernel, strides, padding, dilations=dilations), inputs)


def _dense(student: Student, operator: Any, inputs: list[Any]) -> Any:
    flat = tf.reshape(inputs[0], [-1, inputs[1].shape[1]])
    return tf.reshape(_plus(flat @ _kernel(tf.transpose(inputs[1])), inputs), student.shape(operator))


def _pool(pool: Callable[..., Any]) -> Callable[[Student, Any, list[Any]], Any]:
    def pooled(student: Student, operator: Any, inputs: list[Any]) -> Any:
        options = operator.builtinOptions
        window, strides = (options.filterHeight, options.filterWidth), (options.strideH, options.strideW)
        return pool(inputs[0], window, strides, PADDINGS[options.padding])

    return pooled


def _hard_swish(x: Any) -> Any:
    return x * tf.nn.relu6(x + 3) / 6


def _each(computed: Callable[..., Any]) -> Callable[[Student, Any, list[Any]], Any]:
    """Of the tensors alone."""
    return lambda student, operator, inputs: computed(*inputs)


COMPUTED: dict[int, Callable[[Student, Any, list[Any]], Any]] = {
    OPERATOR.CONV_2D: _convolution,
    OPERATOR.DEPTHWISE_CONV_2D: _depthwise,
    OPERATOR.FULLY_CONNECTED: _dense,
    OPERATOR.ADD: _each(tf.add),
    OPERATOR.SUB: _each(tf.subtract),
    OPERATOR.MUL: _each(tf.multiply),
    OPERATOR.LOGISTIC: _each(tf.sigmoid),
    OPERATOR.RELU: _each(tf.nn.relu),
    OPERATOR.RELU6: _each(tf.nn.relu6),
    OPERATOR.HARD_SWISH: _each(_hard_swish),
    OPERATOR.PAD: _each(tf.pad),
    OPERATOR.MAX_POOL_2D: _pool(tf.nn.max_pool2d),
    OPERATOR.AVERAGE_POOL_2D: _pool(tf.nn.avg_pool2d),
    OPERATOR.RESHAPE: lambda student, operator, inputs: tf.reshape(inputs[0], student.shape(operator)),
    OPERATOR.MEAN: lambda student, operator, inputs: tf.reshape(
        tf.reduce_mean(inputs[0], axis=inputs[1].reshape(-1).tolist()), student.shape(operator)
    ),
}


def learn(
    student: Student, inputs: npt.NDArray[np.float32], taught: npt.NDArray[np.float32], batch: int, steps: int
) -> None:
    """inputs: what the network is fed; taught: the float network's scores of them, which sum up to 1."""
    variables = [one.moved for one in student.learned.values()]
    optimizer = keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(RATE, steps))
    optimizer.build(variables)

    def step(x: Any, scores: Any) -> None:
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits(scores, student.logits(x)))
        optimizer.apply(tape.gradient(loss, variables), variables)

    traced, random = tf.function(step), np.random.default_rng(SEED)
    rows = np.concatenate([random.permutation(len(inputs)) for _ in range(-(-steps * batch // len(inputs)))])
    for start in range(0, steps * batch, batch):
        chosen = rows[start : start + batch]
        traced(tf.constant(inputs[chosen]), tf.constant(taught[chosen]))
