"""What an interpreter would be ended by is found before it loads the file; each of these ended one.

Found by `python -m experiments.fuzz`, of which a short form runs here.
"""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.tools import flatbuffer_utils

from device.errors import UserError
from device.images import images
from device.model import flatbuffer
from tests.conftest import ROOT, Run, model
from tests.device import crafted
from tests.device.refusals import refusal

Change = Callable[[Any], object]


def quantized(place: int, **values: list[Any]) -> Change:
    def change(graph: Any) -> None:
        for name, value in values.items():
            setattr(graph.tensors[place].quantization, name, value)

    return change


def renamed(graph: Any) -> None:
    graph.tensors[0].name = b"serving\xff_input:0"


def renamed_inside(graph: Any) -> None:
    graph.tensors[5].name = b"conv\xe9"


def retyped(graph: Any) -> None:
    graph.tensors[graph.operators[-1].inputs[0]].type = 3  # int8's zero point of -128 is none of uint8


def shaped(graph: Any) -> None:
    graph.tensors[5].shape = [8, 8388611, 3, 3]


def negative(graph: Any) -> None:
    graph.tensors[5].shape = [8, -3, 3, 3]


def without_output(graph: Any) -> None:
    graph.operators[2].outputs = [-1]


def without_weights(graph: Any) -> None:
    graph.operators[1].inputs = [graph.operators[1].inputs[0], -1, graph.operators[1].inputs[2]]


def slicing(graph: Any) -> None:
    """STRIDED_SLICE with one input."""
    slicer = next(op for op in graph.operators if op.builtinOptionsType == schema.BuiltinOptions.StridedSliceOptions)
    slicer.inputs = slicer.inputs[:1]


def swapped(graph: Any) -> None:
    first, second = graph.operators[1], graph.operators[-2]
    first.opcodeIndex, second.opcodeIndex = second.opcodeIndex, first.opcodeIndex


DAMAGE: dict[str, tuple[Change, str]] = {
    "a name in Latin-1": (renamed, "the name of tensor 0 is no UTF-8"),
    "a name inside": (renamed_inside, "the name of tensor 5 is no UTF-8"),
    "a zero point": (quantized(0, zeroPoint=[3328048391]), "the zero point of tensor 0 is outside its type's 0..255"),
    "another type": (retyped, "is outside its type's 0..255"),
    "a negative scale": (quantized(0, scale=[-4e18]), "a scale of tensor 0 is "),
    "no scale": (quantized(0, scale=[float("nan")]), "a scale of tensor 0 is "),
    "an infinite scale": (quantized(0, scale=[float("inf")]), "a scale of tensor 0 is "),
    "a scale of zero": (quantized(0, scale=[0.0]), "a scale of tensor 0 is 0"),
    "a slice without its ends": (slicing, "an operator (number 45) lacks an input"),
    "another's options": (swapped, "has another's options"),
    "terabytes": (shaped, "tensor 5 has the shape [8, 8388611, 3, 3]"),
    "a negative side": (negative, "tensor 5 has the shape [8, -3, 3, 3]"),
    "no output": (without_output, "an operator has no place for its output"),
    "no weights": (without_weights, "lacks an input"),
}


def damaged(folder: Path, what: str) -> Path:
    network = crafted.changed(model("int8").read_bytes(), DAMAGE[what][0])
    return crafted.write(folder / "net.tflite", network)


@pytest.mark.parametrize("what", DAMAGE)
def test_the_damage_is_named(what: str, tmp_path: Path) -> None:
    path = damaged(tmp_path, what)
    with pytest.raises(UserError) as raised:
        flatbuffer.check(path)
    said = str(raised.value)
    assert said.startswith(f"{path}: the .tflite file is damaged (") and DAMAGE[what][1] in said


@pytest.mark.parametrize("what", ["a name in Latin-1", "a zero point", "no weights"])
def test_through_the_command_line(what: str, command: Run, tmp_path: Path) -> None:
    damaged(tmp_path, what)
    assert DAMAGE[what][1] in refusal(command("device", "info", "net.tflite"))


def test_a_bias_may_be_absent(tmp_path: Path) -> None:
    """Converters leave it out where there is none; so do recurrent layers with others of their inputs."""

    def without_bias(graph: Any) -> None:
        graph.operators[1].inputs = [*graph.operators[1].inputs[:2], -1]

    flatbuffer.check(crafted.write(tmp_path / "net.tflite", crafted.changed(model("int8").read_bytes(), without_bias)))


def test_constants_that_are_read_in_another_shape(tmp_path: Path) -> None:
    def shaped(graph: Any) -> None:
        graph.tensors[graph.operators[0].outputs[0]].shape = [8, 8195, 3, 3]

    path = crafted.write(tmp_path / "net.tflite", crafted.changed(model("float16").read_bytes(), shaped))
    with pytest.raises(UserError, match=r"constants of the shape \[8, 3, 3, 3\] are to be read as"):
        flatbuffer.check(path)


def test_a_file_without_a_network(tmp_path: Path) -> None:
    tree = flatbuffer_utils.read_model_from_bytearray(bytearray(model("int8").read_bytes()))
    tree.subgraphs = []
    path = crafted.write(tmp_path / "net.tflite", bytes(flatbuffer_utils.convert_object_to_bytearray(tree)))
    with pytest.raises(UserError, match="truncated or damaged"):
        flatbuffer.check(path)


def test_a_png_whose_chunk_claims_gigabytes_is_not_given_them() -> None:
    """OpenCV asked for two gigabytes for a file of some hundred bytes, which a board hasn't."""
    data = bytearray(images.encode_png(np.zeros((8, 8, 3), np.uint8)))
    images.decode(bytes(data))
    data[data.index(b"IDAT") - 4] = 0x7F
    with pytest.raises(ValueError, match="truncated"):
        images.decode(bytes(data))


# Seed 1's mutants from 450 on: among them were a name that is no UTF-8 and a zero point of -131200.
SHORT = """
import json, sys
from experiments.fuzz.__main__ import run
print(json.dumps([run("model", 330, 1, begin=450).document(), run("image", 120, 1).document()]))
"""


@pytest.mark.programs
def test_no_mutant_ends_in_anything_but_an_answer_or_a_line() -> None:
    done = subprocess.run([sys.executable, "-c", SHORT], cwd=ROOT, capture_output=True, text=True, timeout=280)
    assert done.returncode == 0, done.stderr
    for tally in json.loads(done.stdout):
        assert tally["bad"] == []
        assert tally["answered"] > 20 and tally["refused"] > 20
