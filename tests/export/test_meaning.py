"""What a stranger's outputs and labels mean, where it was said wrongly: refused, or hinted at."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ai_edge_litert import schema_py_generated as schema

from export.conversion import objects
from tests import drawing, foreign
from tests.conftest import Run
from tests.device.refusals import says


def logits(tree: Any, graph: Any) -> None:
    """Without its softmax."""
    *graph.operators, softmax = graph.operators
    graph.outputs = list(softmax.inputs)
    tree.signatureDefs[0].outputs[0].tensorIndex = graph.outputs[0]
    objects.sweep(tree)


def sigmoids(tree: Any, graph: Any) -> None:
    """A sigmoid for each label in its place."""
    softmax = graph.operators[-1]
    softmax.opcodeIndex = objects.code(tree, schema.BuiltinOperator.LOGISTIC)
    softmax.builtinOptions, softmax.builtinOptionsType = None, schema.BuiltinOptions.NONE


def export(run: Run, folder: Path, change: Callable[[Any, Any], None] | None, labels: str, *words: str) -> Any:
    tree = objects.read(foreign.bare())
    if change:
        change(tree, tree.subgraphs[0])
    (folder / "model.tflite").write_bytes(objects.packed(tree))
    (folder / "names.txt").write_text(labels)
    drawing.write_folder(folder / "shapes", {"train": 30, "test": 60})
    given = ("--labels", "names.txt", "--calibration", "shapes", "--mean", "0", "--std", "1")
    return run("export", "model.tflite", *given, "--variants", "float32", *words)


def test_scores_that_are_no_probabilities_are_refused(command: Run, tmp_path: Path) -> None:
    done = export(command, tmp_path, logits, foreign.LABELS)
    assert done.returncode == 2, done.stderr
    says(done.stderr.splitlines()[-1], "error: model.tflite: ", "--output logits")
    assert not list(tmp_path.rglob("*_float32.tflite"))
    assert export(command, tmp_path, logits, foreign.LABELS, "--output", "logits").returncode == 0


def test_sums_of_sigmoids_are_hinted_at(command: Run, tmp_path: Path) -> None:
    done = export(command, tmp_path, sigmoids, foreign.LABELS)
    assert done.returncode == 0, done.stderr
    assert [line for line in done.stderr.splitlines() if line.startswith("note: ") and "--output sigmoid" in line]


@pytest.mark.parametrize(("labels", "hinted"), [(foreign.LABELS, False), ("square\ntriangle\ncircle\n", True)])
def test_a_network_at_chance_is_hinted_at(command: Run, tmp_path: Path, labels: str, hinted: bool) -> None:
    """Its labels are in another order."""
    done = export(command, tmp_path, None, labels)
    assert done.returncode == 0, done.stderr
    assert any("--scaling auto" in line for line in done.stderr.splitlines()) is hinted
