"""A teacher: its answers are the targets, for the very images that are shown; which one it was is kept."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from device.data import folders
from device.data.folders import Cache
from tests import drawing
from tests.conftest import Run
from tests.trained import WORDS, Trained
from train.recipes.catalog import RECIPES
from train.recipes.settings import replaced

pytestmark = pytest.mark.tensorflow


@pytest.fixture
def images(trained: Trained) -> Cache:
    return trained.images


def words(data: Path, run: Path, teacher: object) -> list[object]:
    settings = [*WORDS, "--set", "epochs=2", "--set", f"teacher={teacher}"]
    return ["train", "fashion_mnist", "--data", data, "--run", run, *settings]


def learn(warm: Run, trained: Trained, run: Path, teacher: object, *more: object) -> Any:
    return warm(*words(trained.data, run, teacher), *more, FRAMELITE_CACHE=str(trained.cache))


def test_targets_are_what_the_teacher_says_of_the_images_that_are_shown(trained: Trained, images: Cache) -> None:
    import keras

    from train.data.batches import Batches
    from train.fitting import teacher

    recipe = replaced(RECIPES["fashion_mnist"], image_size=(16, 16), batch_size=16, mixup=1.0, rotation_range=20.0)
    answer = teacher.load(trained.run, images)
    shown, targets = Batches(images, np.arange(300), recipe, teacher=answer)[3]
    unchanged, labels = Batches(images, np.arange(300), replaced(recipe, mixup=0.0, rotation_range=0.0))[3]
    assert not np.array_equal(shown, unchanged)
    network = keras.models.load_model(trained.run / "model.keras", compile=False)
    np.testing.assert_allclose(targets, network.predict_on_batch(shown), atol=1e-6)
    assert np.abs(targets - labels).max() > 0.05


def test_softer_answers_are_those_of_logits_that_were_divided() -> None:
    from train.data.batches import softened

    logits = np.random.default_rng(1).normal(0, 3, (5, 4))

    def softmax(numbers: np.ndarray) -> np.ndarray:
        odds = np.exp(numbers)
        return np.asarray(odds / odds.sum(axis=1, keepdims=True), np.float32)

    for temperature in (0.5, 1.0, 2.0, 8.0):
        np.testing.assert_allclose(softened(softmax(logits), temperature), softmax(logits / temperature), rtol=1e-4)


def test_a_run_says_who_taught_it_and_is_another_with_another_teacher(
    warm: Run, trained: Trained, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    done = learn(warm, trained, run, trained.run)
    assert done.returncode == 0, done.stderr
    assert "agreement with the targets" in done.stderr and "agreement" in json.loads(
        (run / "history.json").read_bytes()
    )
    record = json.loads((run / "run.json").read_bytes())
    assert record["status"] == "done"
    assert record["teacher"]["path"] == str(trained.run / "model.keras") and len(record["teacher"]["sha256"]) == 12
    assert "up to date" in learn(warm, trained, run, trained.run).stderr
    # The same path, another network in it.
    other = tmp_path / "other"
    shutil.copytree(trained.run, other)
    assert learn(warm, trained, run, other, "--again").returncode == 0
    shutil.copyfile(run / "model.keras", other / "model.keras")
    refused = learn(warm, trained, run, other, "--resume")
    assert refused.returncode == 2
    assert "(teacher's weights: " in refused.stderr.splitlines()[-1]


def test_a_teacher_that_is_not_there_is_named(warm: Run, trained: Trained, tmp_path: Path) -> None:
    refused = learn(warm, trained, tmp_path / "run", "nowhere")
    assert refused.returncode == 2
    assert refused.stderr.splitlines() == [
        "error: the teacher nowhere: no such model; expected a .keras file, or a run folder with model.keras in it"
    ]
    assert not (tmp_path / "run").exists()


def test_a_teacher_of_other_labels_is_refused(warm: Run, trained: Trained, tmp_path: Path) -> None:
    folder = drawing.write_folder(tmp_path / "shapes", {"train": 60, "test": 15})
    for split in ("train", "test"):
        (folder / split / "triangle").rename(folder / split / "wedge")
    for teacher in (trained.run, trained.run / "model.keras"):
        refused = warm(*words(folder, tmp_path / "run", teacher))
        assert refused.returncode == 2
        expected = "labels are circle, square, triangle, expected those of the data, circle, square, wedge"
        assert expected in refused.stderr.splitlines()[-1]
        assert not (tmp_path / "run").exists()


def test_labels_that_a_teacher_does_not_say_are_taken_and_that_is_said(
    trained: Trained, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from train.fitting import teacher

    monkeypatch.setenv("FRAMELITE_CACHE", str(trained.cache))
    cache = folders.find_cache("shapes", (16, 16), "crop")
    assert cache is not None
    teacher.load(trained.run, cache)
    assert capsys.readouterr().err == ""
    shutil.copy(trained.run / "model.keras", tmp_path / "alone.keras")
    teacher.load(tmp_path / "alone.keras", cache)
    assert "alone.keras: the teacher's labels are unknown" in capsys.readouterr().err


def test_a_teacher_of_other_images_is_refused(warm: Run, trained: Trained, tmp_path: Path) -> None:
    refused = warm(*words(trained.data, tmp_path / "run", trained.run), "--set", "image_size=24x24")
    assert refused.returncode == 2
    expected = "the teacher takes 16x16 images and gives 3 scores, expected 24x24 and 3"
    assert expected in refused.stderr.splitlines()[-1]
    assert not (tmp_path / "run").exists()
