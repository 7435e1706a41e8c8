"""Arithmetic on pixels that the first convolution does instead: the same numbers, fewer operators, borders included."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter

from device.model import card
from export.conversion import folding, objects, quantize
from tests import foreign
from tests.conftest import model
from tests.export.drawn_networks import Drawn

KIND = schema.BuiltinOperator
SIZE, FILTERS = (21, 26), 8
RANDOM = np.random.default_rng(1)
IMAGES = [*RANDOM.integers(0, 256, (6, 1, *SIZE, 3)), np.zeros((1, *SIZE, 3)), np.full((1, *SIZE, 3), 255)]
Array = npt.NDArray[Any]
# An operator and its constant; for the pixels as the second input, the constant in a list.
Step = tuple[int, Array | list[Array]]


def answers(content: bytes) -> Array:
    interpreter = Interpreter(model_content=content)
    interpreter.allocate_tensors()
    (source,), (answer,) = interpreter.get_input_details(), interpreter.get_output_details()
    rows = []
    for image in IMAGES:
        interpreter.set_tensor(source["index"], image.astype(source["dtype"]))
        interpreter.invoke()
        rows.append(interpreter.get_tensor(answer["index"]).copy())
    return np.array(rows)


def kinds(content: bytes) -> list[int]:
    tree = objects.read(content)
    return [objects.kind(tree, one) for one in tree.subgraphs[0].operators]


def weights(channels: int = 3) -> Array:
    return RANDOM.normal(0, 0.3, (FILTERS, 3, 3, channels))


BIAS = RANDOM.normal(0, 1, FILTERS)
TO_ONE = [(KIND.MUL, np.array(1 / 127.5)), (KIND.ADD, np.array(-1.0))]
SAME_AS_TO_ONE = [(KIND.SUB, np.array([127.5])), (KIND.DIV, np.array([127.5] * 3))]
NEGATIVE: list[Step] = [(KIND.SUB, [np.array(255.0)]), (KIND.MUL, np.array(1 / 255))]
EACH = [(KIND.SUB, np.array(foreign.MEAN)), (KIND.MUL, 1 / np.array(foreign.STD))]
TO_UNIT = [(KIND.MUL, np.array([1 / 255]))]


def drawn(steps: Sequence[Step], padding: str, stride: int = 1, pad: Any = None) -> bytes:
    network = Drawn(SIZE)
    for kind, number in steps:
        network.arithmetic(kind, number)
    if pad:
        network.pad(pad)
    network.convolution(weights(), BIAS, padding, stride)
    return network.bytes()


AROUND = [[0, 0], [1, 1], [0, 2], [0, 0]]
WHOLE = [KIND.CONV_2D]
CASES: dict[str, tuple[bytes, list[int]]] = {
    "valid": (drawn(TO_ONE, "VALID"), WHOLE),
    "valid, stride 2": (drawn(SAME_AS_TO_ONE, "VALID", 2), WHOLE),
    "valid, negative": (drawn(NEGATIVE, "VALID", 2), WHOLE),
    "valid, a mean and std each": (drawn(EACH, "VALID"), WHOLE),
    "same, no offset": (drawn(TO_UNIT, "SAME"), WHOLE),
    "padded, no offset": (drawn(TO_UNIT, "VALID", 1, AROUND), [KIND.PAD, KIND.CONV_2D]),
}


def with_depthwise(padding: str) -> bytes:
    network = Drawn(SIZE)
    for kind, number in TO_ONE:
        network.arithmetic(kind, number)
    network.convolution(RANDOM.normal(0, 0.3, (1, 3, 3, 6)), RANDOM.normal(0, 1, 6), padding, 2, is_depthwise=True)
    return network.bytes()


def behind_pointwise(padding: str, is_depthwise: bool = False) -> bytes:
    """Channels are put in another order, as Caffe's networks have them; or scaled, each by itself."""
    network, factors, offsets = Drawn(SIZE), 1 / np.array(foreign.STD), -np.array(foreign.MEAN) / np.array(foreign.STD)
    matrix = factors.reshape(1, 1, 1, 3) if is_depthwise else np.diag(factors)[::-1].reshape(3, 1, 1, 3)
    network.convolution(matrix, offsets if is_depthwise else offsets[::-1], "VALID", is_depthwise=is_depthwise)
    network.convolution(weights(), BIAS, padding)
    return network.bytes()


def pointwise() -> bytes:
    """A kernel of one pixel, in every third place: it is said to pad, and has nothing to."""
    network = Drawn(SIZE)
    for kind, number in TO_ONE:
        network.arithmetic(kind, number)
    network.convolution(RANDOM.normal(0, 0.3, (FILTERS, 1, 1, 3)), BIAS, "SAME", 3)
    return network.bytes()


CASES |= {
    "depthwise, valid": (with_depthwise("VALID"), [KIND.DEPTHWISE_CONV_2D]),
    "pointwise, same": (pointwise(), WHOLE),
    "behind another order": (behind_pointwise("VALID"), WHOLE),
    "behind each channel's scaling": (behind_pointwise("VALID", True), WHOLE),
}


@pytest.mark.parametrize("case", CASES)
def test_the_same_numbers_by_fewer_operators(case: str) -> None:
    network, expected = CASES[case]
    made = folding.folded(network)
    assert kinds(made) == expected
    before, after = answers(network), answers(made)
    assert np.ptp(before) > 1
    np.testing.assert_allclose(after, before, atol=2e-5 * np.abs(before).max())


def with_activation() -> bytes:
    tree = objects.read(drawn(TO_ONE, "VALID"))
    options = tree.subgraphs[0].operators[1].builtinOptions
    options.fusedActivationFunction = schema.ActivationFunctionType.RELU
    return objects.packed(tree)


def read_twice() -> bytes:
    """The scaled image is an output of its own."""
    tree = objects.read(drawn(TO_ONE, "VALID"))
    graph = tree.subgraphs[0]
    graph.outputs = [*graph.outputs, graph.operators[1].outputs[0]]
    return objects.packed(tree)


LEFT_ALONE = {
    "same": drawn(TO_ONE, "SAME"),
    "same, stride 2": drawn(TO_ONE, "SAME", 2),
    "padded": drawn(TO_ONE, "VALID", 1, AROUND),
    "depthwise, same": with_depthwise("SAME"),
    "another order, same": behind_pointwise("SAME"),
    "an activation between": with_activation(),
    "read by others": read_twice(),
    "nothing to fold": drawn([], "SAME"),
    "the shapes network": foreign.bare(),
    "the small network in the package": card.network_bytes(model("float32")),
}


@pytest.mark.parametrize("case", LEFT_ALONE)
def test_left_alone_to_the_byte(case: str) -> None:
    assert folding.folded(LEFT_ALONE[case]) is LEFT_ALONE[case]


@pytest.mark.parametrize("case", ["valid", "valid, stride 2"])
def test_in_int8_nothing_lies_before_the_convolution(case: str) -> None:
    network = CASES[case][0]
    with quantize.quiet():
        folded, tensors = folding.folded(network), [image.astype(np.float32) for image in IMAGES]
        made = quantize.int8(folded, quantize.ranges(folded, tensors, (0, 255), {}), (0, 255))
    assert kinds(made) == [KIND.QUANTIZE, KIND.CONV_2D, KIND.QUANTIZE]
    graph = objects.read(made).subgraphs[0]
    end = graph.tensors[graph.outputs[0]].quantization
    real = (answers(made).astype(np.float64) - int(end.zeroPoint[0])) * float(end.scale[0])
    assert np.abs(real - answers(network)).mean() < float(end.scale[0])
