"""evaluation.json: written and read by one module; what can't be used is refused in one line."""

import json
from pathlib import Path
from typing import Any

import pytest

from device.errors import UserError
from device.evaluation.evaluate import LabelTopOne, TopOne
from tests import drawing
from tests.conftest import Run
from train.run import evaluation
from train.run.evaluation import ClassicalEvaluation, CrossValidation, Evaluation, MethodRow

FIGURES = {"top1": 0.5, "n": 4, "interval": [0.15, 0.85]}
CLASSES = [{"label": label, **FIGURES} for label in ("cat", "dog")]
NETWORK = {
    "schema": 1,
    "split": "test",
    **FIGURES,
    "balanced": 0.5,
    "per_class": CLASSES,
    "cross_validation": {"split": "cross-validation", **FIGURES, "balanced": 0.5, "per_class": CLASSES},
    "last_epoch": FIGURES,
    "left_out": 1,
    "unknown_ancestors": ["old/model.keras"],
    "parameters": 100,
}
METHOD = {"name": "HOG", "classifier": "support vector machine", "settings": {"C": 2.0}, "numbers": 1764}
ROW = {**METHOD, "train": FIGURES, "validation": FIGURES, "test": FIGURES}
CLASSICAL = {
    "schema": 1,
    "split": "test",
    **FIGURES,
    "per_class": CLASSES,
    "best": "HOG",
    "features": [ROW, ROW],
    "overfitted": ROW,
}
OF_ALL = TopOne(0.5, 4, (0.15, 0.85))
OF_EACH = tuple(LabelTopOne(label, 0.5, 4, (0.15, 0.85)) for label in ("cat", "dog"))


def write(folder: Path, document: Any) -> Path:
    path = folder / evaluation.NAME
    path.write_text(document if isinstance(document, str) else json.dumps(document, indent=1) + "\n")
    return path


@pytest.mark.parametrize("document", [NETWORK, CLASSICAL], ids=["network", "classical"])
def test_what_is_read_is_written_in_the_same_bytes(tmp_path: Path, document: dict[str, Any]) -> None:
    path = write(tmp_path, document)
    kind: Any = ClassicalEvaluation if document is CLASSICAL else Evaluation
    found = evaluation.read(kind, tmp_path)
    before = path.read_bytes()
    evaluation.write(tmp_path, found)
    assert path.read_bytes() == before


def test_each_figure_has_a_name(tmp_path: Path) -> None:
    write(tmp_path, NETWORK)
    found = evaluation.read(Evaluation, tmp_path)
    assert (found.top1, found.n, found.per_class, found.last_epoch) == (0.5, 4, OF_EACH, OF_ALL)
    assert found.cross_validation == CrossValidation(
        "cross-validation", **vars(OF_ALL), balanced=0.5, per_class=OF_EACH
    )
    write(tmp_path, CLASSICAL)
    baseline = evaluation.read(ClassicalEvaluation, tmp_path)
    assert baseline.overfitted == MethodRow(**METHOD, train=OF_ALL, validation=OF_ALL, test=OF_ALL)  # type: ignore[arg-type]


def test_one_from_before_and_one_from_later(tmp_path: Path) -> None:
    write(tmp_path, {"schema": 1, "split": "test", **FIGURES, "per_class": CLASSES, "last_epoch": FIGURES})
    old = evaluation.read(Evaluation, tmp_path)
    assert (old.balanced, old.left_out, old.unknown_ancestors, old.parameters) == (None, 0, (), None)
    write(tmp_path, {**NETWORK, "new": 1, "last_epoch": {**FIGURES, "top5": 1.0}})
    assert evaluation.read(Evaluation, tmp_path).last_epoch == OF_ALL


@pytest.mark.parametrize(
    ("document", "said"),
    [
        ({**NETWORK, "schema": 2}, "it has schema 2, this version reads 1; train"),
        ({**NETWORK, "top1": "good"}, "top1 is 'good', expected float; train"),
        (CLASSICAL | {"features": [METHOD]}, "lacks the field 'test'"),
        ('{"schema": 1, ', "not JSON; expected"),
    ],
)
def test_what_cannot_be_used_is_named(tmp_path: Path, document: Any, said: str) -> None:
    path = write(tmp_path, document)
    kind = ClassicalEvaluation if "features" in document else Evaluation
    with pytest.raises(UserError) as raised:
        evaluation.read(kind, tmp_path)
    assert str(raised.value).startswith(f"{path}: ") and said in str(raised.value) and "--again" in str(raised.value)


def test_a_finished_run_whose_figures_are_damaged(command: Run, tmp_path: Path) -> None:
    data = drawing.write_folder(tmp_path / "shapes", {"train": 30, "test": 15})
    words = ("train", "cats_vs_dogs_classical", "--data", data, "--run", "run", "--set", "image_size=16x16")
    assert command(*words).returncode == 0
    whole = (tmp_path / "run/evaluation.json").read_bytes()
    (tmp_path / "run/evaluation.json").write_bytes(whole[:100])
    done = command(*words)
    assert done.returncode == 2 and done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert line.startswith("error: run/evaluation.json: ") and "--again" in line
    (tmp_path / "run/evaluation.json").write_bytes(whole)
    assert command(*words).returncode == 0
