"""HARD_SWISH in int8: three operators that XNNPACK computes, with the same numbers, read as one again."""

import copy
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter

from export.checks import fidelity
from export.checks.fidelity import Graph
from export.conversion import hard_swish, objects, quantize
from export.conversion.quantize import Tensor
from export.inspect import contents
from tests import foreign
from tests.export import planting, rescuing

IMAGES = foreign.images(60, seed=4)
PIXELS = (0.0, 255.0)
# What is fed for uint8 0 and 255.
ENDS = (-6.0, 6.0)


def tensors() -> Iterator[Tensor]:
    return (image.astype(np.float32)[None] for image in IMAGES)


def alone() -> bytes:
    """A network that is a hard-swish and nothing else."""
    tree = objects.read(foreign.bare())
    graph = tree.subgraphs[0]
    swished = copy.copy(graph.tensors[graph.inputs[0]])
    swished.name = "swished"
    graph.outputs = [objects.added(graph, swished)]
    kind, none = schema.BuiltinOperator.HARD_SWISH, schema.BuiltinOptions.NONE
    graph.operators = [objects.operator(tree, kind, [int(graph.inputs[0])], graph.outputs[0], None, none)]
    tree.signatureDefs[0].outputs[0].tensorIndex = graph.outputs[0]
    objects.sweep(tree)
    return objects.packed(tree)


def int8(float32: bytes, fed: tuple[float, float] = PIXELS) -> bytes:
    """With HARD_SWISH as the quantizer leaves it."""
    with quantize.quiet():
        return quantize.int8(float32, quantize.ranges(float32, tensors() if fed == PIXELS else spans(), fed, {}), fed)


def spans() -> Iterator[Tensor]:
    yield np.linspace(*ENDS, 16 * 16 * 3, dtype=np.float32).reshape(1, 16, 16, 3)


def answers(model: bytes, images: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    interpreter = Interpreter(model_content=model, num_threads=1)
    interpreter.allocate_tensors()
    found = []
    for image in images:
        interpreter.set_tensor(interpreter.get_input_details()[0]["index"], image[None])
        interpreter.invoke()
        found.append(interpreter.get_tensor(interpreter.get_output_details()[0]["index"])[0].copy())
    return np.stack(found)


def kinds(model: bytes) -> list[str]:
    tree = objects.read(model)
    return [objects.operator_name(tree, operator) for operator in tree.subgraphs[0].operators]


def test_every_code_has_the_number_that_it_should() -> None:
    """Beside x * relu6(x + 3) / 6 of the pixel's own number, in steps: hardly further than the one operator's."""
    model = int8(alone(), ENDS)
    codes = np.resize(np.arange(256), 16 * 16 * 3).astype(np.uint8).reshape(1, 16, 16, 3)
    numbers = ENDS[0] + codes[0] / 255 * (ENDS[1] - ENDS[0])
    expected = numbers * np.clip(numbers + 3, 0, 6) / 6
    end = objects.read(model).subgraphs[0].tensors[-1].quantization
    scale, zero = float(end.scale[0]), int(end.zeroPoint[0])
    one, three = (
        np.abs((answers(made, codes)[0].astype(int) - zero) * scale - expected) / scale
        for made in (model, hard_swish.split(model))
    )
    assert three.max() < 2.5 and three.mean() < 1.2 * one.mean() < 0.8


@pytest.fixture(scope="module")
def float32() -> bytes:
    return rescuing.with_hard_swish()


def test_xnnpack_computes_all_of_it(float32: bytes, tmp_path: Path) -> None:
    made = quantize.make("int8", float32, tensors(), *PIXELS)
    assert kinds(made).count("MUL") == 2 * kinds(float32).count("HARD_SWISH") > 0
    (tmp_path / "model.tflite").write_bytes(made)
    listed = contents.read(tmp_path / "model.tflite").graph
    assert all(one.is_by_xnnpack for one in listed if one.name in ("ADD", "MUL"))
    for variant in ("float16", "dynamic"):
        assert "HARD_SWISH" in kinds(quantize.make(variant, float32, tensors(), *PIXELS))


def test_the_labels_stay(float32: bytes) -> None:
    plain = int8(float32)
    one, three = (answers(model, IMAGES).argmax(axis=1) for model in (plain, hard_swish.split(plain)))
    assert len(set(one)) == 3 and (one == three).mean() > 0.95


def test_a_network_without_one_stays_as_it_is(float32: bytes) -> None:
    others = int8(foreign.bare())
    assert hard_swish.split(others) == others
    assert hard_swish.split(float32) == float32, "in float XNNPACK computes it"


def test_it_is_compared_as_one_operator(float32: bytes) -> None:
    made = quantize.make("int8", float32, tensors(), *PIXELS)
    ours, source = Graph(made), Graph(float32)
    assert [ours.kind(one) for one in ours.operators] == [source.kind(one) for one in source.operators]
    taken = fidelity.taken(float32, tensors())
    assert fidelity.faults(float32, made, PIXELS, taken) == []
    (said,) = fidelity.faults(float32, planting.planted(made, planting.FAULTS["middle layer x2"]), PIXELS, taken)
    assert "rounding steps" in said
