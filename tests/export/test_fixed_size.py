"""A network that leaves its input's size open is exported with the size that it was asked for, for good."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter
from ai_edge_litert.tools import flatbuffer_utils

from device.inference.classifier import Classifier
from device.inference.overrides import Overrides
from device.model import card as cards
from export.conversion import fixed_size
from tests import drawing, foreign
from tests.conftest import ROOT, Run, environment, model
from tests.device import crafted

OPEN = [-1, -1, -1, 3]


def opened(network: bytes) -> bytes:
    """As a converter writes a network of (None, None, 3): placeholders in every shape, and what is open beside it."""
    tree = flatbuffer_utils.read_model_from_bytearray(bytearray(network))
    graph = tree.subgraphs[0]
    for index in [*graph.inputs, *(int(op.outputs[0]) for op in graph.operators[:3])]:
        channels = int(graph.tensors[index].shape[3])
        graph.tensors[index].shape, graph.tensors[index].shapeSignature = [1, 1, 1, channels], [*OPEN[:3], channels]
    return bytes(flatbuffer_utils.convert_object_to_bytearray(tree))


def lay_out(folder: Path) -> tuple[str, ...]:
    """The shapes network with its size left open, under a name without an ending; the words that export it."""
    (folder / "net").write_bytes(opened(foreign.bare()))
    (folder / "labels.txt").write_text(foreign.LABELS)
    drawing.write_folder(folder / "shapes", {"train": 30, "test": 15})
    return ("export", "net", "--labels", "labels.txt", "--calibration", "shapes", "--mean", "0", "--std", "1")


def test_the_exported_files_have_the_size(command: Run, tmp_path: Path) -> None:
    words = lay_out(tmp_path)
    refused = command(*words)
    assert refused.returncode == 2 and str(OPEN) in refused.stderr and "--size" in refused.stderr
    assert not (tmp_path / "runs").exists()
    done = command(*words, "--size", "16x16")
    assert done.returncode == 0, done.stderr
    rows = json.loads((tmp_path / "runs/net/export/export.json").read_bytes())["variants"]
    assert [row["top1"] for row in rows[:1]] == [1.0] and all(row["top1"] > 0.9 for row in rows)
    ours = Classifier(model("float32"))
    for row in rows:
        path = tmp_path / "runs/net/export" / row["file"]
        # Asked as a client does that reads neither signature nor card.
        interpreter = Interpreter(str(path))
        interpreter.allocate_tensors()
        (source,) = interpreter.get_input_details()
        assert source["shape"].tolist() == source["shape_signature"].tolist() == [1, 16, 16, 3]
        classifier = Classifier(path)
        assert classifier.size == (16, 16) and cards.read(path) == classifier.card
        if row["variant"] == "float32":
            for _, image in drawing.shapes(3, seed=8):
                assert classifier.classify(image).scores == pytest.approx(ours.classify(image).scores, abs=1e-5)


def test_every_runtime_answers_alike(command: Run, tmp_path: Path) -> None:
    python = environment("tflite-runtime")
    assert command(*lay_out(tmp_path), "--size", "16x16", "--variants", "float32,int8").returncode == 0
    for variant in ("float32", "int8"):
        path = tmp_path / f"runs/net/export/net_{variant}.tflite"
        for interpreter in (Path(sys.executable), python):
            done = subprocess.run(
                [interpreter, "-m", "device", "check", path], cwd=ROOT, capture_output=True, text=True
            )
            assert done.returncode == 0, done.stdout + done.stderr


def test_a_size_that_the_network_cannot_have(command: Run, tmp_path: Path) -> None:
    """Its dense layer has a weight a pixel."""
    words = lay_out(tmp_path)
    done = command(*words, "--size", "20x20")
    assert done.returncode == 2 and "Traceback" not in done.stderr
    assert "can't run the model with an input of [1, 20, 20, 3]" in done.stderr.splitlines()[-1]


def test_what_leaves_nothing_open_keeps_its_bytes() -> None:
    for network in (foreign.bare(), crafted.summing((1, 4, 6, 3), (-1, 4, 6, 3)), crafted.constant([1, 0])):
        assert fixed_size.fix(network, (4, 6)) == network


def test_every_tensor_has_its_shape(tmp_path: Path) -> None:
    network = fixed_size.fix(crafted.summing((1, 1, 1, 3), (-1, -1, -1, 3), kept=True), (4, 6))
    graph = flatbuffer_utils.read_model_from_bytearray(bytearray(network)).subgraphs[0]
    assert [list(tensor.shape) for tensor in graph.tensors] == [[1, 4, 6, 3], [2], [1, 1, 1, 3]]
    assert all(tensor.shapeSignature is None for tensor in graph.tensors)
    classifier = Classifier(crafted.write(tmp_path / "net.tflite", network), Overrides(mean=0.0), labels=False)
    assert classifier.classify(np.ones((4, 6, 3), np.uint8)).scores.tolist() == [24.0] * 3
