"""A validation folder is used for validation, never for the test; and what a run has of each class is recorded."""

import json
from pathlib import Path

import pytest

from device.data.folders import Cache
from device.errors import UserError
from tests import drawing
from tests.conftest import Run
from tests.train.caches import made_caches
from train.classical import training
from train.data import cache
from train.data.cache import DataRequest
from train.data.class_counts import ClassCounts
from train.data.split import split_cache
from train.recipes.classical import ClassicalRecipe
from train.recipes.data import Data
from train.run import runs

SIZE = (32, 40)
RECIPE = ClassicalRecipe("classical", "", Data("shapes", image_size=SIZE, validation_split=0.25))


def origins(made: Cache, split: str) -> list[str]:
    return list(made.index.splits[split].origins)


def test_a_validation_folder_validates(tmp_path: Path) -> None:
    root = drawing.write_folder(tmp_path / "shapes", {"Train": 18, "Val": 9, "Test": 12})
    made = cache.provide(DataRequest(str(root), SIZE))
    rows, validation = split_cache(made, RECIPE)
    assert {origins(made, "train")[i].split("/")[0] for i in validation} == {"Val"}
    assert {origins(made, "train")[i].split("/")[0] for i in rows} == {"Train"}
    assert (len(rows), len(validation), len(made.targets("test"))) == (18, 9, 12)
    assert {origin.split("/")[0] for origin in origins(made, "test")} == {"Test"}


def test_without_a_test_folder_the_test_is_cut_from_train_alone(tmp_path: Path) -> None:
    root = drawing.write_folder(tmp_path / "shapes", {"train": 30, "valid": 9})
    made = cache.provide(DataRequest(str(root), SIZE, test=0.2, seed=3))
    assert {origin.split("/")[0] for origin in origins(made, "test")} == {"train"}
    assert len(made.targets("test")) == 6 and len(made.targets("train")) == 24 + 9
    assert made.validation_rows is not None and made.validation_rows.tolist() == list(range(24, 33))
    other = cache.provide(DataRequest(str(root), SIZE, test=0.2, seed=4))
    assert set(origins(other, "test")) != set(origins(made, "test"))
    assert other.fingerprint != made.fingerprint


def test_without_a_validation_folder_its_rows_are_drawn(shapes_folder: Path) -> None:
    made = cache.provide(DataRequest(str(shapes_folder), SIZE))
    assert made.validation_rows is None and "validation_rows" not in (made.path / "index.json").read_text()


def test_broken_validation_images_leave_the_right_rows(tmp_path: Path) -> None:
    root = drawing.write_folder(tmp_path / "shapes", {"train": 9, "val": 9, "test": 9})
    (root / "train/circle/0000.png").write_bytes(b"broken")
    (root / "val/circle/0000.png").write_bytes(b"broken")
    made = cache.provide(DataRequest(str(root), SIZE, skip_bad=True))
    assert made.validation_rows is not None
    assert [origins(made, "train")[i].split("/")[0] for i in made.validation_rows] == ["val"] * 8
    for path in (root / "train/circle").iterdir():
        path.write_bytes(b"broken")
    with pytest.raises(UserError, match=r"'circle' .* in train"):
        cache.provide(DataRequest(str(root), SIZE, skip_bad=True))


@pytest.mark.parametrize(
    ("splits", "named"), [({"train": 6}, "test/"), ({"val": 6, "test": 6}, "train/"), ({"test": 6}, "train/")]
)
def test_splits_that_nothing_can_be_trained_on(splits: dict[str | None, int], named: str, tmp_path: Path) -> None:
    root = drawing.write_folder(tmp_path / "shapes", splits)
    with pytest.raises(UserError, match=f"{root}: no images in {named}"):
        cache.provide(DataRequest(str(root), SIZE))
    assert made_caches() == []


def test_what_the_splits_are_used_for_is_said(command: Run, tmp_path: Path) -> None:
    root = drawing.write_folder(tmp_path / "shapes", {"training": 15, "validation": 6})
    done = command("train", "data", root, "--size", "16")
    assert done.returncode == 0, done.stderr
    (note,) = done.stderr.splitlines()
    assert "validation/" in note and "training/" in note
    assert "images train 12, validation 6, test 3;" in done.stdout
    assert "3 classes (train/validation/test): circle 4/2/1, square 4/2/1, triangle 4/2/1" in done.stdout


# Counts.


@pytest.mark.long
def test_a_run_says_and_records_what_it_has_of_each_class(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = drawing.write_folder(tmp_path / "shapes", {"train": 60, "test": 15})
    made = cache.provide(DataRequest(str(root), SIZE))
    training.train(RECIPE, made, runs.Run(tmp_path / "run"))
    first = capsys.readouterr().err.splitlines()[0]
    assert first == "3 classes (train/validation/test): circle 15/5/5, square 15/5/5, triangle 15/5/5"
    document = json.loads((tmp_path / "run/run.json").read_bytes())
    each = dict.fromkeys(drawing.LABELS, 5)
    assert document["data"]["counts"] == {
        "train": dict.fromkeys(drawing.LABELS, 15),
        "validation": each,
        "test": each,
    }


def test_of_many_classes_the_smallest_and_the_largest_are_named() -> None:
    labels = tuple(f"label{i}" for i in range(40))
    counts = ClassCounts(labels, {"train": tuple(range(10, 50)), "test": (3,) * 40})
    assert counts.line() == "40 classes (train/test): the smallest label0 10/3, the largest label39 49/3"
