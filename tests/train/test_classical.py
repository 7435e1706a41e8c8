"""The classical baseline: a run that is whole, and chooses without the test images."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from device.data.folders import Cache
from device.errors import UserError
from device.evaluation import evaluate
from tests import drawing
from tests.conftest import ROOT
from train.classical import methods, plots, training
from train.data import cache as caches
from train.data.split import split_rows
from train.recipes.classical import ClassicalRecipe
from train.recipes.data import Data
from train.recipes.settings import change, recorded, replaced
from train.run import evaluation
from train.run.evaluation import ClassicalEvaluation
from train.run.runs import Identity, Run

pytestmark = pytest.mark.long

SIZE = (32, 40)
RECIPE = ClassicalRecipe("shapes_classical", "", Data("shapes", image_size=SIZE, validation_split=0.25))
IMAGES = {"features.png", "boundary.png", "confusion.png", "samples.png"}

Pixels = npt.NDArray[np.uint8]


def read(path: Path) -> Any:
    return json.loads(path.read_text())


def make_cache(folder: Path) -> Cache:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FRAMELITE_CACHE", str(folder.parent / "cache"))
        return caches.provide(caches.DataRequest(str(folder), SIZE))


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Cache:
    """120 training and 45 test images of three labels."""
    return make_cache(drawing.write_folder(tmp_path_factory.mktemp("data") / "shapes", {"train": 120, "test": 45}))


@pytest.fixture(scope="module")
def finished(images: Cache, tmp_path_factory: pytest.TempPathFactory) -> Run:
    run = Run(tmp_path_factory.mktemp("run") / "classical")
    found = training.train(RECIPE, images, run)
    assert found == evaluation.read(ClassicalEvaluation, run.path)
    return run


def test_a_run_folder_is_whole(finished: Run) -> None:
    assert {path.name for path in finished.path.iterdir()} == {"run.json", "evaluation.json", *IMAGES}
    for name in IMAGES:
        image = cv2.imread(str(finished.path / name))
        assert image is not None
        assert min(image.shape[:2]) > 200
        assert len(np.unique(image)) > 50, "something is drawn"
    last = max(finished.path.iterdir(), key=lambda path: path.stat().st_mtime_ns)
    assert last == finished.record


def test_run_json_says_what_the_run_was(finished: Run, images: Cache) -> None:
    document = read(finished.record)
    assert document["status"] == "done"
    assert recorded(ClassicalRecipe, document["recipe"]) == RECIPE
    assert document["kind"] == "classical"
    assert document["split"]["validation_rows"] == split_rows(images.targets("train"), RECIPE)[1].tolist()
    assert (document["data"]["train"], document["data"]["validation"], document["data"]["test"]) == (90, 30, 45)
    assert document["wall_time_s"] > 0
    assert document["best"] == read(finished.path / "evaluation.json")["best"]


def test_a_run_without_its_table_is_not_up_to_date(finished: Run, images: Cache, tmp_path: Path) -> None:
    run, wanted = Run(shutil.copytree(finished.path, tmp_path / "run")), Identity.of(RECIPE, images)
    assert run.is_up_to_date(wanted)
    run.evaluation.unlink()
    assert not run.is_up_to_date(wanted)


def test_the_figures_that_count_are_those_of_the_best_by_validation(finished: Run) -> None:
    document = read(finished.path / "evaluation.json")
    rows = document["features"]
    assert [row["name"] for row in rows] == ["brightness", "height and brightness", "HOG"]
    assert [row["numbers"] for row in rows] == [1, 2, 1764]
    for row in (*rows, document["overfitted"]):
        assert [row[split]["n"] for split in ("train", "validation", "test")] == [90, 30, 45]
    best = max(rows, key=lambda row: row["validation"]["top1"])
    assert document["best"] == best["name"] == "HOG"
    assert {key: document[key] for key in ("top1", "n", "interval")} == best["test"]
    assert best["test"]["top1"] > 0.7  # three labels: 0.33 by chance
    assert best["settings"]["C"] in methods.COSTS
    assert [row["label"] for row in document["per_class"]] == list(drawing.LABELS)
    right = sum(row["top1"] * row["n"] for row in document["per_class"])
    assert right == pytest.approx(document["top1"] * 45)


def test_the_overfitted_one_knows_every_training_image(finished: Run) -> None:
    document = read(finished.path / "evaluation.json")
    plain = document["features"][1]
    overfitted = document["overfitted"]
    assert plain["name"] == overfitted["name"]
    assert overfitted["train"]["top1"] == 1
    assert plain["train"]["top1"] < 1
    for row in (*document["features"][:2], overfitted):
        assert row["validation"]["top1"] < 0.8, "the validation images were not learned"
        assert row["test"]["top1"] < 0.8


def test_the_table_has_a_line_a_method(finished: Run) -> None:
    found = evaluation.read(ClassicalEvaluation, finished.path)
    lines = training.table(found)
    assert len(lines) == 7
    assert [line for line in lines[2:6] if "*" in line] == [lines[4]]
    assert lines[4].startswith("HOG *")
    assert "n 45" in lines[4]
    assert f"{100 * found.top1:.2f} %" in lines[4]
    assert len({len(line) for line in lines[:6]}) == 1


def test_the_test_images_choose_nothing(finished: Run, tmp_path: Path) -> None:
    """The same training images with other test images under wrong labels: only the test figures change."""
    folder = drawing.write_folder(tmp_path / "shapes", {"train": 120, "test": 45})
    names = [folder / "test" / label for label in drawing.LABELS]
    names[0].rename(tmp_path / "aside")
    names[1].rename(names[0])
    names[2].rename(names[1])
    (tmp_path / "aside").rename(names[2])
    other = training.train(RECIPE, make_cache(folder), Run(tmp_path / "run"))
    found = evaluation.read(ClassicalEvaluation, finished.path)
    assert other.top1 < 0.3 < found.top1
    assert other.best == found.best
    for one, another in zip(found.features, other.features, strict=True):
        assert one.test != another.test
        assert replace(one, test=another.test) == another
    seen = [run / "features.png" for run in (finished.path, tmp_path / "run")]
    assert seen[0].read_bytes() == seen[1].read_bytes()


class Stopped(Cache):
    """Ctrl-C comes when the test images are asked for."""

    def images(self, split: str) -> Pixels:
        if split == "test":
            raise KeyboardInterrupt
        return super().images(split)


def test_what_an_interrupted_run_leaves(images: Cache, tmp_path: Path) -> None:
    run = Run(tmp_path / "run")
    run.path.mkdir()
    for name in ("evaluation.json", "boundary.png", "features.png", "samples.png"):
        (run.path / name).write_text("of an older run")
    with pytest.raises(KeyboardInterrupt):
        training.train(RECIPE, Stopped(**vars(images)), run)
    assert read(run.record)["status"] == "interrupted"
    # All that isn't about the test was done before its images were asked for.
    assert {path.name for path in run.path.iterdir()} == {"run.json", "features.png"}
    assert cv2.imread(str(run.path / "features.png")) is not None


def test_a_run_whose_images_are_gone_has_failed(images: Cache, tmp_path: Path) -> None:
    run = Run(tmp_path / "run")
    with pytest.raises(FileNotFoundError):
        training.train(RECIPE, replace(images, path=tmp_path / "removed"), run)
    assert read(run.record)["status"] == "failed"


def test_settings_of_a_network_are_refused(images: Cache, tmp_path: Path) -> None:
    run = Run(tmp_path / "run")
    with pytest.raises(UserError, match=r"epochs=3: .* no such field, expected one of data, .* seed$"):
        change(RECIPE, ["epochs=3"])
    with pytest.raises(UserError, match=r"images of 15x64 are too small .* sides of 16 or more"):
        training.train(replaced(RECIPE, image_size=(15, 64)), images, run)
    assert not run.path.exists()


# The images of the plane.


def draw_plane(path: Path, labels: tuple[str, ...], predict: Callable[[Any], Any]) -> Pixels:
    plane = np.random.default_rng(1).random((300, 2)).astype(np.float32)
    panels = [plots.Panel(title, 0.5, 0.25, predict) for title in ("plain", "overfitted")]
    plots.boundary(plane, np.arange(300) % len(labels), labels, panels, path)
    drawn = cv2.imread(str(path))
    assert drawn is not None
    return np.asarray(drawn, np.uint8)


def test_an_area_lies_where_the_classifier_answers_so(tmp_path: Path) -> None:
    """Brightness goes from left to right: the left half is of the first label's blue, the right of orange."""
    drawn = draw_plane(tmp_path / "plane.png", ("cat", "dog"), lambda plane: (plane[:, 0] > 0.5).astype(int))
    blue = drawn[..., 0].astype(int) - drawn[..., 2] > 20
    width = drawn.shape[1] // 2
    left, right = blue[100:-150, 80 : width // 2], blue[100:-150, width // 2 + 60 : width - 40]
    assert left.mean() > 0.9
    assert right.mean() < 0.1


@pytest.mark.parametrize("count", [3, 60])
def test_more_labels_than_two(count: int, tmp_path: Path) -> None:
    labels = tuple(f"$label_{i}" for i in range(count))
    draw_plane(tmp_path / "plane.png", labels, lambda plane: (plane[:, 1] * (count - 1)).astype(int))


def test_neither_tensorflow_nor_keras_is_loaded() -> None:
    words = "import sys; import train.classical.training; print(*{'tensorflow', 'keras'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", words], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""


# The figure of the validation images.


def measured(seed: int, rows: int, labels: int = 2) -> methods.ImageFeatures:
    """Noise: numbers by lot in the place of images, labels by lot."""
    random = np.random.default_rng(seed)
    numbers = random.normal(size=(rows, 30)).astype(np.float32)
    return methods.ImageFeatures(numbers, random.permutation(np.arange(rows) % labels), np.arange(rows))


def test_on_noise_the_validation_figure_is_chance(capsys: pytest.CaptureFixture[str]) -> None:
    """Of twenty machines, 30 validation images each; where their cost or sigmoids were fitted on these: 0.56."""
    method = replace(methods.HOG, columns=slice(0, None))
    rows = [methods.Fitted.of(method, measured(seed, 60), measured(100 + seed, 30)).validation for seed in range(20)]
    right = sum(row.top1 * row.n for row in rows)
    low, high = evaluate.wilson(round(right), 600)
    assert low <= 0.5 <= high


@pytest.mark.parametrize("alone", ["a single image", "an image and its copies"])
def test_a_label_that_cannot_be_held_out_is_learned_all_the_same(alone: str) -> None:
    many = measured(1, 40)
    targets, groups = many.targets.copy(), many.groups.copy()
    rows = [0] if alone == "a single image" else [0, 1, 2]
    targets[rows], groups[rows] = 2, 0
    fitted = methods.Fitted.of(
        replace(methods.HOG, columns=slice(0, None)), replace(many, targets=targets, groups=groups), measured(2, 20)
    )
    assert fitted.scores(many).shape == (40, 3)


def test_copies_are_in_one_fold() -> None:
    many = measured(1, 60)
    doubled = replace(many, groups=np.arange(60) // 2 * 2, targets=np.repeat(many.targets[::2], 2))
    folds = methods.folds_of(doubled)
    assert len(folds) == 5
    for rest, asked in folds:
        assert set(doubled.groups[rest]).isdisjoint(doubled.groups[asked]) and set(doubled.targets[rest]) == {0, 1}
