"""Training through the command line: what a run folder holds, and what an interrupted or failed run leaves."""

import json
import shutil
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from tests import processes
from tests.conftest import EAGERLY, Run
from tests.device.refusals import says
from tests.train import saved
from tests.trained import WORDS, Trained
from tests.warm import TENSORFLOW

pytestmark = pytest.mark.tensorflow


def read(path: Path) -> Any:
    return json.loads(path.read_text())


def weights(run: Path) -> bytes:
    return saved.weights(run / "model.keras")


def words(trained: Trained, run: Path) -> list[object]:
    return ["train", "fashion_mnist", "--data", trained.data, "--run", run, *WORDS]


def test_a_run_folder_is_whole(trained: Trained) -> None:
    drawn = {"history.png", "confusion.png", "samples.png"}
    documents = {"run.json", "model.keras", "history.json", "evaluation.json", "checkpoint"}
    assert {path.name for path in trained.run.iterdir()} == documents | drawn
    for name in drawn:
        image = cv2.imread(str(trained.run / name))
        assert image is not None
        assert min(image.shape[:2]) > 200
        assert len(np.unique(image)) > 50, "something is drawn"


def test_run_json_says_what_the_run_was(trained: Trained) -> None:
    document = read(trained.run / "run.json")
    cache = trained.images
    assert document["status"] == "done"
    assert document["seed"] == 1
    recipe = document["recipe"]
    assert (recipe["name"], recipe["network"]) == ("fashion_mnist", "tiny")
    assert (recipe["image_size"], recipe["epochs"]) == ([16, 16], 7)
    data = document["data"]
    assert (data["name"], data["fingerprint"], data["cache"]) == ("shapes", cache.fingerprint, cache.path.name)
    assert (data["train"], data["validation"], data["test"], data["skipped"]) == (276, 24, 90, 0)
    assert (data["labels"], data["size"], data["fit"]) == (["circle", "square", "triangle"], [16, 16], "crop")
    assert data["origin"] == str(trained.data)
    rows = document["split"]["validation_rows"]
    assert np.bincount(cache.targets("train")[rows]).tolist() == [8, 8, 8]
    assert document["versions"]["keras"].startswith("3.")
    assert {"python", "numpy", "opencv-python-headless"} < set(document["versions"])
    assert document["wall_time_s"] > 0
    history = read(trained.run / "history.json")
    assert document["best_epoch"] == 1 + int(np.argmax(history["val_accuracy"]))
    assert {name: len(values) for name, values in history.items()} == dict.fromkeys(
        ("epoch", "seconds", "loss", "accuracy", "val_loss", "val_accuracy"), 7
    )


def test_the_evaluation_is_what_keras_answers_for_the_saved_model(
    trained: Trained, monkeypatch: pytest.MonkeyPatch
) -> None:
    import keras

    cache = trained.images
    model = keras.models.load_model(trained.run / "model.keras")
    answers = model.predict_on_batch(np.array(cache.images("test"))).argmax(axis=1)
    right = answers == cache.targets("test")
    evaluation = read(trained.run / "evaluation.json")
    assert (evaluation["split"], evaluation["n"]) == ("test", 90)
    assert evaluation["top1"] == right.mean()
    assert evaluation["interval"][0] < evaluation["top1"] < evaluation["interval"][1]
    for target, row in enumerate(evaluation["per_class"]):
        mine = right[cache.targets("test") == target]
        assert (row["label"], row["top1"], row["n"]) == (cache.labels[target], mine.mean(), 30)
    assert evaluation["last_epoch"]["n"] == 90
    assert read(trained.run / "run.json")["parameters"] == model.count_params()


def test_the_figure_is_the_saved_model_s_not_the_last_epoch_s(
    trained: Trained, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Evaluated beside a network that knows nothing."""
    from train.fitting import fit
    from train.recipes.recipe import Recipe
    from train.recipes.settings import recorded
    from train.run import evaluate, runs

    cache = trained.images
    recipe = recorded(Recipe, read(trained.run / "run.json")["recipe"])
    ignorant = fit.compiled(recipe, 3, steps=1)
    run = runs.Run(shutil.copytree(trained.run, tmp_path / "run"))
    last = evaluate.predict(ignorant, cache.images("test"))
    found = evaluate.evaluate(run, recipe, cache, last, evaluate.EvaluationOptions())
    assert found.top1 == read(trained.run / "evaluation.json")["top1"] > 0.7
    assert found.last_epoch is not None and found.last_epoch.top1 < 0.6


def test_progress_on_a_pipe_is_a_line_an_epoch(trained: Trained) -> None:
    lines = [line for line in trained.stderr.splitlines() if line.startswith("epoch ")]
    assert [line.split(":")[0] for line in lines] == [f"epoch {i}/7" for i in range(1, 8)]
    (answer,) = trained.stdout.splitlines()
    assert answer.startswith("test accuracy ")
    assert answer.endswith(str(trained.run / "model.keras"))


def test_the_same_run_again_is_up_to_date(warm: Run, trained: Trained) -> None:
    before = {path.name: path.stat().st_mtime_ns for path in trained.run.iterdir()}
    done = warm(*words(trained, trained.run), FRAMELITE_CACHE=str(trained.cache))
    assert done.returncode == 0
    assert done.stdout == ""
    assert done.stderr.startswith(f"{trained.run}: up to date")
    assert {path.name: path.stat().st_mtime_ns for path in trained.run.iterdir()} == before


def test_the_same_seed_gives_the_same_weights(warm: Run, trained: Trained, tmp_path: Path) -> None:
    run = tmp_path / "second"
    done = warm(*words(trained, run), FRAMELITE_CACHE=str(trained.cache))
    assert done.returncode == 0, done.stderr
    assert read(run / "evaluation.json") == read(trained.run / "evaluation.json")
    assert weights(run) == weights(trained.run)


def test_other_settings_train_anew_and_the_old_run_is_kept(eager: Run, trained: Trained, tmp_path: Path) -> None:
    run = shutil.copytree(trained.run, tmp_path / "run")
    (run / "notes.txt").write_text("mine")
    before = {path: path.read_bytes() for path in run.rglob("*") if path.is_file()}
    done = eager(*words(trained, run), "--set", "epochs=1", "--set", "seed=2", FRAMELITE_CACHE=str(trained.cache))
    assert done.returncode == 0, done.stderr
    document = read(run / "run.json")
    assert (document["status"], document["seed"], document["recipe"]["epochs"]) == ("done", 2, 1)
    assert document["split"] != read(trained.run / "run.json")["split"]
    assert weights(run) != weights(trained.run)
    assert len(read(run / "history.json")["loss"]) == 1
    kept = tmp_path / "run.1"
    assert {path: (kept / path.relative_to(run)).read_bytes() for path in before} == before
    assert not (run / "notes.txt").exists()
    (note,) = (line for line in done.stderr.splitlines() if line.startswith("note: "))
    assert f"{run}: " in note and note.endswith(str(kept)) and "epochs: 7, now 1" in note and "seed: 1, now 2" in note


def test_a_killed_run_is_never_taken_for_a_finished_one(warm: Run, trained: Trained, tmp_path: Path) -> None:
    """Also where the folder held a finished run before."""
    run = shutil.copytree(trained.run, tmp_path / "run")
    endless = [*words(trained, run), "--set", "epochs=100000"]
    cache = {"FRAMELITE_CACHE": str(trained.cache)}
    with processes.started("-c", EAGERLY, *endless, cwd=tmp_path, by=TENSORFLOW, **cache) as process:
        processes.wait_for_line("epoch 1/100000:", process)
        process.kill()
        process.wait()
    assert read(run / "run.json")["status"] == "running"
    refused = warm("export", run, FRAMELITE_CACHE=str(trained.cache))
    assert refused.returncode == 2
    says(refused.stderr, f"error: {run}: ", "'running'")
    assert not (run / "export").exists()


@pytest.mark.parametrize(
    ("settings", "name"),
    [
        (["learning_rate=1e20"], "loss"),
        (
            ["learning_rate=1e38", "batch_size=1000", "schedule=constant"],
            "val_loss",
        ),  # one step: the loss is from before it
    ],
)
def test_a_loss_that_is_no_number_ends_with_one_line(
    warm: Run, trained: Trained, tmp_path: Path, settings: list[str], name: str
) -> None:
    run = tmp_path / "run"
    changes = [word for setting in ("dropout=0", *settings) for word in ("--set", setting)]
    done = warm(*words(trained, run), *changes, FRAMELITE_CACHE=str(trained.cache))
    assert done.returncode == 2, done.stderr
    line = done.stderr.splitlines()[-1]
    says(line, f"error: {name} ", "--set learning_rate")
    assert read(run / "run.json")["status"] == "failed"


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["--data", "nowhere/"], "{folder}/nowhere: "),
        (["--data", "nowhere"], "'nowhere'"),
        (["--run", "file"], "{folder}/file: "),
        (["--run", "file/run"], "{folder}/file: "),
    ],
)
def test_data_and_places_are_checked_before_anything_is_written(
    warm: Run, trained: Trained, tmp_path: Path, options: list[str], expected: str
) -> None:
    (tmp_path / "file").write_text("in the way")
    done = warm("train", "fashion_mnist", "--data", trained.data, *WORDS, *options)
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1
    says(done.stderr, "error: ", expected.format(folder=tmp_path))
    assert not (tmp_path / "runs").exists()
    assert (tmp_path / "file").read_text() == "in the way"


def test_only_data_makes_the_recipe_s_cache_and_no_run(warm: Run, trained: Trained, tmp_path: Path) -> None:
    done = warm("train", "fashion_mnist", "--data", trained.data, *WORDS, "--only-data")
    assert done.returncode == 0, done.stderr
    (made,) = (tmp_path / "cache").iterdir()
    assert done.stdout.splitlines()[0] == str(made)
    assert made.name == trained.images.path.name
    assert not (tmp_path / "runs").exists()
