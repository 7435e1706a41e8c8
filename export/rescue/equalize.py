"""Cross-layer equalization: a channel that is louder than its neighbors is scaled down where it is made, and what reads
it takes that back, so that one scale fits them all. The float network's predictions stay the same.

M. Nagel et al., Data-Free Quantization through Weight Equalization and Bias Correction, 2019,
https://arxiv.org/abs/1906.04721, section 4.1. There weights are equalized with weights; ours have a scale a channel, so
it is the activations, which have one for all, that are equalized with the weights that read them.

There ReLU6 becomes ReLU. Here a quiet channel is scaled up below 6, with room for what calibration images didn't show;
one that is cut off stays as it is.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
from ai_edge_litert import schema_py_generated as schema

from export.conversion import objects
from export.rescue.activations import Reals, Spread

OPERATOR = schema.BuiltinOperator
FUSED = schema.ActivationFunctionType
CONVOLUTION, DEPTHWISE, DENSE = OPERATOR.CONV_2D, OPERATOR.DEPTHWISE_CONV_2D, OPERATOR.FULLY_CONNECTED
WEIGHTED = (CONVOLUTION, DEPTHWISE, DENSE)
# f(s x) = s f(x) for s > 0, channel by channel.
HOMOGENEOUS = (
    OPERATOR.ADD,
    OPERATOR.MAX_POOL_2D,
    OPERATOR.AVERAGE_POOL_2D,
    OPERATOR.MEAN,
    OPERATOR.PAD,
    OPERATOR.RESHAPE,
    OPERATOR.RELU,
)
LET_THROUGH = (FUSED.NONE, FUSED.RELU)
# Where ReLU6 cuts off, and how far below it the greatest number of calibration images stays.
SIX, ROOM = 6.0, 1.5
SWEEPS = 2
# A channel that is never heard of isn't made loud.
MOST = 1e4


@dataclass
class Group:
    """Tensors whose channels must be scaled alike, and the operators with weights at the group's borders.

    is_cut: whether one of them is cut off at 6.
    """

    tensors: set[int] = field(default_factory=set)
    makers: list[Any] = field(default_factory=list)
    readers: list[Any] = field(default_factory=list)
    is_cut: bool = False


def equalized(float32: bytes, spreads: Mapping[str, Spread], kept: Collection[str] = ()) -> bytes:
    """The same function with equally large channels, as far as the weights allow.

    spreads: float32's, by tensor name. kept: the names of tensors whose channels stay as they are.
    """
    network = ScalableNetwork(float32)
    free = {name: spread for name, spread in spreads.items() if name not in kept}
    loud = {index: free[name].largest for index, name in network.names.items() if name in free}
    for _ in range(SWEEPS):
        for group in network.groups():
            if group.tensors <= set(loud):
                factors = network.factors(group, loud)
                network.scale(group, factors)
                for index in group.tensors:
                    loud[index] = loud[index] * _fit(factors, len(loud[index]))
    return objects.packed(network.tree)


class ScalableNetwork:
    """A float .tflite whose channels can be scaled."""

    def __init__(self, float32: bytes) -> None:
        self.tree = objects.read(float32)
        self.graph = self.tree.subgraphs[0]
        self.names = {index: objects.text(tensor.name) for index, tensor in enumerate(self.graph.tensors)}
        used = [int(i) for one in self.graph.operators if self._kind(one) in WEIGHTED for i in one.inputs[1:]]
        self._shared = {index for index in used if index >= 0 and used.count(index) > 1}

    def groups(self) -> list[Group]:
        """The groups that can be scaled: layers with weights produce them, and only such layers read them."""
        owner: dict[int, Group] = {}

        def group_of(index: int) -> Group:
            return owner.setdefault(index, Group({index}))

        def join(first: int, second: int) -> None:
            one, other = group_of(first), group_of(second)
            if one is not other:
                one.tensors |= other.tensors
                for index in other.tensors:
                    owner[index] = one

        blocked = {int(index) for index in (*self.graph.inputs, *self.graph.outputs)}
        for operator in self.graph.operators:
            ends = [int(index) for index in (*operator.inputs, *operator.outputs) if index >= 0]
            kind = self._kind(operator)
            if kind in WEIGHTED:
                blocked |= self._blocked_by_layer(operator)
            elif kind in HOMOGENEOUS and self._lets_through(operator):
                for index in self._computed(operator):
                    join(index, int(operator.outputs[0]))
            elif kind != OPERATOR.SHAPE:  # which reads no numbers
                blocked |= set(ends)
        self._find_borders(group_of)
        found = {id(group): group for group in owner.values()}.values()
        return [group for group in found if group.makers and group.readers and not group.tensors & blocked]

    def _find_borders(self, group_of: Any) -> None:
        for operator in self.graph.operators:
            if self._kind(operator) in WEIGHTED:
                made = group_of(int(operator.outputs[0]))
                made.makers.append(operator)
                made.is_cut |= operator.builtinOptions.fusedActivationFunction == FUSED.RELU6
                group_of(int(operator.inputs[0])).readers.append(operator)

    def width(self, group: Group) -> int:
        """The number of channels; a flattened image has each several times."""
        return min(self._width(index) for index in group.tensors)

    def _kind(self, operator: Any) -> int:
        return objects.kind(self.tree, operator)

    def _computed(self, operator: Any) -> list[int]:
        """The inputs that aren't constants."""
        found = []
        for index in operator.inputs:
            data = self.tree.buffers[self.graph.tensors[index].buffer].data
            if (data is None or not len(data)) and self.graph.tensors[index].type == schema.TensorType.FLOAT32:
                found.append(int(index))
        return found

    def _lets_through(self, operator: Any) -> bool:
        """Whether the operator keeps channels apart and passes a factor through."""
        fused = getattr(operator.builtinOptions, "fusedActivationFunction", FUSED.NONE)
        inputs, kind = self._computed(operator), self._kind(operator)
        widths = {self._width(index) for index in (*inputs, operator.outputs[0])}
        if not inputs or 0 in widths:  # of whole numbers, or a single one
            return False
        if kind == OPERATOR.RESHAPE:  # an image is laid out flat
            shape = self.graph.tensors[operator.outputs[0]].shape
            return len(shape) == 2 and shape[0] == 1 and shape[1] % self._width(inputs[0]) == 0
        if kind == OPERATOR.MEAN and self._takes_channels_together(operator):
            return False
        # An ADD of a constant isn't homogeneous.
        return fused in LET_THROUGH and len(widths) == 1 and len(inputs) == (2 if kind == OPERATOR.ADD else 1)

    def _takes_channels_together(self, operator: Any) -> bool:
        rank = len(self.graph.tensors[operator.inputs[0]].shape)
        axes = self.tree.buffers[self.graph.tensors[operator.inputs[1]].buffer].data
        return axes is None or any(axis % rank == rank - 1 for axis in np.frombuffer(bytes(axes), np.int32))

    def _width(self, index: int) -> int:
        shape = self.graph.tensors[index].shape
        return int(shape[-1]) if shape is not None and len(shape) else 0

    def _blocked_by_layer(self, operator: Any) -> set[int]:
        """The tensors of a layer with weights that can't be scaled."""
        fused = operator.builtinOptions.fusedActivationFunction
        blocked = set() if fused in (*LET_THROUGH, FUSED.RELU6) else {int(operator.outputs[0])}
        if self._shared & {int(index) for index in operator.inputs[1:]}:
            blocked |= {int(operator.inputs[0]), int(operator.outputs[0])}
        if self._width(operator.inputs[1]) % self._width(operator.inputs[0]):  # a convolution in groups
            blocked.add(int(operator.inputs[0]))
        return blocked

    def factors(self, group: Group, loud: Mapping[int, Reals]) -> Reals:
        """Each channel's factor: the square root of the readers' weights to its own range, as shares of the largest."""
        width = self.width(group)
        activations = np.max([_folded(loud[index], width) for index in group.tensors], axis=0)
        # A depthwise layer's weights have a scale a channel, whatever the channel is.
        full = [_folded(self._share_of_rows(one), width) for one in group.readers if self._kind(one) != DEPTHWISE]
        weights = np.max(full, axis=0) if full else None
        heard = activations > 0 if weights is None else (activations > 0) & (weights > 0)
        if not heard.any():
            return np.ones(width)
        if group.is_cut:
            return _up_to_six(np.where(heard, activations, np.inf), weights)
        target = np.ones(width) if weights is None else np.sqrt(activations * weights)
        factors = np.divide(target, activations, out=np.ones(width), where=heard)
        factors[heard] /= np.exp(np.log(factors[heard]).mean())
        return np.asarray(np.clip(factors, 1 / MOST, MOST))

    def _share_of_rows(self, operator: Any) -> Reals:
        """Each input channel's greatest weight, as a share of its row's greatest, because each row has a scale."""
        numbers = np.abs(self.numbers(operator.inputs[1]))
        rows = numbers.reshape(len(numbers), -1, numbers.shape[-1]).max(axis=1)
        largest = rows.max(axis=1, keepdims=True)
        share: Reals = np.divide(rows, largest, out=np.zeros_like(rows), where=largest > 0).max(axis=0)
        return share

    def scale(self, group: Group, factors: Reals) -> None:
        """Multiplies every channel of the group's tensors, and divides in the layers that read them."""
        for operator in group.makers:
            axis = -1 if self._kind(operator) == DEPTHWISE else 0
            width = self.graph.tensors[operator.inputs[1]].shape[axis]
            own = _fit(factors, width)
            numbers = self.numbers(operator.inputs[1])
            self._put(operator.inputs[1], numbers * (own if axis else own.reshape(-1, *[1] * (numbers.ndim - 1))))
            if len(operator.inputs) > 2 and operator.inputs[2] >= 0:
                self._put(operator.inputs[2], self.numbers(operator.inputs[2]) * own)
        for operator in group.readers:
            numbers = self.numbers(operator.inputs[1])
            width = numbers.shape[-1]
            each = np.repeat(factors, width // len(factors)) if self._kind(operator) == DEPTHWISE else None
            self._put(operator.inputs[1], numbers / (_fit(factors, width) if each is None else each))

    def numbers(self, index: int) -> Reals:
        tensor = self.graph.tensors[index]
        data = bytes(self.tree.buffers[tensor.buffer].data)
        return np.frombuffer(data, np.float32).reshape(tensor.shape).astype(np.float64)

    def _put(self, index: int, numbers: npt.NDArray[Any]) -> None:
        objects.put(self.tree, self.graph.tensors[index], numbers.astype(np.float32))


def _up_to_six(activations: Reals, weights: Reals | None) -> Reals:
    """Up by all the room there is where depthwise layers read the channel, which have a scale for each.

    Else by the square root of it: a louder channel is read by smaller weights, which are rounded more coarsely.
    """
    room = np.maximum(SIX / (ROOM * activations), 1.0)
    wanted = room if weights is None else np.sqrt(room * weights)
    return np.asarray(np.clip(wanted, 1.0, np.minimum(room, MOST)))


def _fit(factors: Reals, width: int) -> Reals:
    """The factors of a flattened image, which repeats the channels."""
    return np.tile(factors, width // len(factors))


def _folded(values: Reals, width: int) -> Reals:
    folded: Reals = values.reshape(-1, width).max(axis=0)
    return folded
