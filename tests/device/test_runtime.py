"""Which interpreter is found, and what is said where there is none or where it can't run a file."""

import importlib.metadata
from pathlib import Path

import pytest

from device.errors import UserError
from device.inference import runtime
from tests.conftest import Run, environment, model
from tests.device import crafted
from tests.device.refusals import refusal


def test_litert_is_the_first_choice() -> None:
    found = runtime.find()
    assert (found.name, found.version) == ("litert", importlib.metadata.version("ai-edge-litert"))
    assert runtime.find("litert") == found


def test_an_unknown_runtime_is_refused() -> None:
    with pytest.raises(UserError, match="unknown runtime 'onnx', expected one of litert, tflite-runtime, tensorflow"):
        runtime.find("onnx")


def test_a_runtime_that_is_not_installed_says_how_to_get_one(command: Run) -> None:
    said = refusal(command("device", "info", model("int8"), "--runtime", "tflite-runtime"))
    assert said.startswith("no TFLite interpreter can be imported: tflite-runtime (No module named")
    assert "install one with: pip install '.[device]'" in said


def test_without_any_runtime_all_are_named(command: Run) -> None:
    said = refusal(command("device", "info", model("int8"), python=environment("mediapipe")))
    for name in runtime.RUNTIMES:
        assert f"{name} (No module named" in said


def test_an_operator_that_the_runtime_does_not_know(tmp_path: Path, command: Run) -> None:
    crafted.write(tmp_path / "foreign.tflite", crafted.echo(operator="ForeignThing"))
    said = refusal(command("device", "info", "foreign.tflite"))
    assert said.startswith(f"foreign.tflite: litert {runtime.find().version} can't load the model: ")
    assert "ForeignThing" in said
