"""What lies in a run's folder stays: moved aside, or the command refuses. Two processes never work in one folder."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from device import locks
from device.data.folders import Cache
from device.errors import UserError
from tests import drawing
from tests.conftest import ROOT, Run
from train.classical import training
from train.data import cache as caches
from train.data import streams
from train.recipes.classical import CLASSICAL
from train.recipes.data import Data
from train.recipes.network import Network
from train.recipes.recipe import DataRecipe, Recipe
from train.recipes.settings import replaced
from train.run import recording, runs
from train.run.run_folder import Claim, Way

RECIPE = Recipe("shapes", "", Data("shapes", image_size=(16, 16)), Network("tiny"))
SETTINGS = ("--set", "image_size=16x16")


@pytest.fixture
def images(tmp_path: Path) -> Cache:
    folder = drawing.write_folder(tmp_path / "shapes", {"train": 30, "test": 15})
    return caches.provide(caches.DataRequest(str(folder), (16, 16)))


def finished(run: runs.Run, recipe: DataRecipe, images: Cache) -> dict[str, bytes]:
    """A finished run, as far as what lies in its folder goes, with exports and a note of the user's; its files."""
    document = recording.start(run, recipe, images, np.array([0]))
    run.evaluation.write_text(json.dumps({"of": recipe.seed}))
    run.model.write_bytes(b"the best epoch")
    (run.path / "export").mkdir()
    (run.path / "export/shapes_int8.tflite").write_bytes(b"an exported model")
    (run.path / "notes of mine.txt").write_text("keep this")
    recording.finish(run, document, recording.DONE)
    return contents(run.path)


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def claim(run: runs.Run, recipe: DataRecipe, images: Cache, resume: bool = False, again: bool = False) -> Claim:
    return Claim(run, runs.Identity.of(recipe, images), resume, again)


def begin(wanted: Claim) -> None:
    with wanted.hold() as way:
        assert way is Way.BEGINS
        wanted.make_room()


def test_each_run_of_other_settings_moves_the_one_before_aside(
    images: Cache, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run, kept = runs.Run(tmp_path / "runs/shapes"), []
    for epochs in (1, 2, 3):
        kept.append(finished(run, replaced(RECIPE, epochs=epochs), images))
        begin(claim(run, replaced(RECIPE, epochs=epochs + 1), images))
        assert contents(run.path) == {}
        moved = tmp_path / f"runs/shapes.{epochs}"
        said = capsys.readouterr().err
        assert f"{run.path}: " in said and str(moved) in said and f"epochs: {epochs}, now {epochs + 1}" in said
    assert [contents(tmp_path / f"runs/shapes.{number}") for number in (1, 2, 3)] == kept
    assert {path.name for path in run.path.parent.iterdir()} == {"shapes", "shapes.1", "shapes.2", "shapes.3"}


def test_the_newest_has_the_highest_number(images: Cache, tmp_path: Path) -> None:
    """Also where older ones were removed, and where other names are like it."""
    run = runs.Run(tmp_path / "runs/shapes")
    for name in ("shapes.7", "shapes.07", "shapes.x", "other.9", "shapes.8.zip"):
        (tmp_path / "runs" / name).mkdir(parents=True)
    before = finished(run, RECIPE, images)
    begin(claim(run, replaced(RECIPE, epochs=2), images))
    assert contents(tmp_path / "runs/shapes.8") == before


def test_a_run_of_another_draw_is_another_run(
    images: Cache, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """From before each purpose had its own random numbers, which held out other images: run.json doesn't say."""
    run = runs.Run(tmp_path / "run")
    finished(run, RECIPE, images)
    document = json.loads(run.record.read_bytes())
    assert document.pop("draw") == streams.DRAW
    run.record.write_text(json.dumps(document))
    why = "random numbers: draw 1, now 2, which holds out other images"
    with pytest.raises(UserError, match=f"can't go on, .*{why}"):
        claim(run, RECIPE, images, resume=True).check()
    begin(claim(run, RECIPE, images))
    assert why in capsys.readouterr().err and (tmp_path / "run.1/model.keras").is_file()


def test_again_keeps_the_same_run_too(images: Cache, tmp_path: Path) -> None:
    run = runs.Run(tmp_path / "run")
    before = finished(run, RECIPE, images)
    with claim(run, RECIPE, images).hold() as way:
        assert way is Way.UP_TO_DATE
    begin(claim(run, RECIPE, images, again=True))
    assert contents(tmp_path / "run.1") == before


def test_a_run_that_came_to_no_epoch_is_begun_where_it_lies(images: Cache, tmp_path: Path) -> None:
    run = runs.Run(tmp_path / "run")
    recording.start(run, RECIPE, images, np.array([0]))
    begin(claim(run, replaced(RECIPE, epochs=2), images))
    assert not (tmp_path / "run.1").exists()


def test_a_linked_folder_stays_on_its_disk(images: Cache, tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    run = runs.Run(tmp_path / "run")
    before = finished(runs.Run(disk / "large"), RECIPE, images)
    run.path.symlink_to(disk / "large")
    begin(claim(run, replaced(RECIPE, epochs=2), images))
    assert contents(disk / "large.1") == before
    assert run.path.is_symlink() and contents(run.path) == {}


def test_weights_in_the_folder_are_found_where_they_went(images: Cache, tmp_path: Path) -> None:
    run = runs.Run(tmp_path / "run")
    finished(run, RECIPE, images)
    wanted = claim(run, replaced(RECIPE, epochs=2), images)
    with wanted.hold():
        weights = wanted.make_room(run.model)
    assert weights == tmp_path / "run.1/model.keras" and weights.read_bytes() == b"the best epoch"


def test_the_working_directory_is_not_moved_away(
    images: Cache, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A relative path would lead into the folder that was moved, and over what lies there."""
    run = runs.Run(tmp_path / "run")
    before = finished(run, RECIPE, images)
    monkeypatch.chdir(run.path / "export")
    with pytest.raises(UserError, match="working directory"):
        claim(runs.Run(Path("..")), replaced(RECIPE, epochs=2), images).check()
    assert contents(tmp_path / "run") == before


def test_another_s_folder_is_refused_and_stays(command: Run, tmp_path: Path) -> None:
    photos, shapes = tmp_path / "photos", drawing.write_folder(tmp_path / "shapes", {"train": 30, "test": 15})
    photos.mkdir()
    for name in ("IMG_1.jpg", "evaluation.json", "model.keras"):
        (photos / name).write_text("mine")
    before = contents(tmp_path)
    done = command("train", "cats_vs_dogs_classical", "--data", shapes, "--run", photos, *SETTINGS)
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"error: {photos}: ") and "IMG_1.jpg" in line and "--run" in line
    assert contents(tmp_path) == before


@pytest.mark.long
def test_a_classical_run_is_kept_too(images: Cache, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run, recipe = runs.Run(tmp_path / "run"), replaced(CLASSICAL, image_size=(16, 16))
    first = training.train(recipe, images, run)
    before = contents(run.path)
    assert training.train(recipe, images, run) == first
    assert "up to date" in capsys.readouterr().err and contents(run.path) == before
    training.train(replaced(recipe, seed=2), images, run)
    assert contents(tmp_path / "run.1") == before
    assert runs.Run(tmp_path / "run").is_done
    training.train(replaced(recipe, seed=2), images, run, again=True)
    assert (tmp_path / "run.2/evaluation.json").is_file()


# Two processes.

HOLD = """
import sys, time
from pathlib import Path
from device import locks
with locks.held(Path(sys.argv[1]), "a training"):
    print("held", flush=True)
    time.sleep(100)
"""


def start(code: str, *words: object) -> "subprocess.Popen[str]":
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.Popen(
        [sys.executable, "-c", code, *map(str, words)], stdout=subprocess.PIPE, text=True, env=environment
    )


def test_the_second_of_two_is_refused_until_the_first_is_dead(command: Run, tmp_path: Path) -> None:
    shapes, run = drawing.write_folder(tmp_path / "shapes", {"train": 30, "test": 15}), tmp_path / "runs/mine"
    words = ("train", "cats_vs_dogs_classical", "--data", shapes, "--run", run, *SETTINGS)
    with start(HOLD, run) as holder:
        assert holder.stdout is not None and holder.stdout.readline() == "held\n"
        refused = command(*words)
        assert refused.returncode == 2
        line = refused.stderr.splitlines()[-1]
        assert line.startswith(f"error: {run}: ") and f"process {holder.pid}" in line
        assert not run.exists()
        holder.send_signal(signal.SIGKILL)
        holder.wait()
    assert (tmp_path / "runs/.mine.lock").exists(), "what a crash leaves"
    assert command(*words).returncode == 0
    assert [path.name for path in run.parent.iterdir()] == ["mine"]


def test_a_lock_is_let_go_with_an_error(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), locks.held(tmp_path / "new/run", "a test"):
        raise ZeroDivisionError
    assert list(tmp_path.iterdir()) == [], "nothing was made for nothing"
    with locks.held(tmp_path / "run", "a test"):
        pass


MANY = """
import sys, time
from pathlib import Path
from device import locks
from device.errors import UserError
folder, most = Path(sys.argv[1]), 0
for _ in range(200):
    try:
        with locks.held(folder / "run", "a test"):
            (folder / "inside").mkdir()  # fails where another is inside
            (folder / "inside").rmdir()
            most += 1
    except UserError:
        pass
print(most)
"""


@pytest.mark.programs
def test_never_two_at_once(tmp_path: Path) -> None:
    """The lock's file is removed and made anew all the time."""
    processes = [start(MANY, tmp_path) for _ in range(3)]
    counts = [process.communicate(timeout=100)[0] for process in processes]
    assert [process.returncode for process in processes] == [0, 0, 0]
    assert sum(map(int, counts)) >= 200


SWAP = """
import sys
from pathlib import Path
import numpy as np
from train.data import cache
from train.recipes.data import Data
from train.recipes.network import Network
from train.recipes.recipe import Recipe
from train.recipes.settings import replaced
from train.run import recording, runs
from train.run.run_folder import Claim
recipe = Recipe("shapes", "", Data("shapes", image_size=(16, 16)), Network("tiny"))
images = cache.provide(cache.DataRequest(sys.argv[1], (16, 16)))
run = runs.Run(Path(sys.argv[2]))
print("begins", flush=True)
for epochs in range(1, 100000):
    wanted = replaced(recipe, epochs=epochs)
    claim = Claim(run, runs.Identity.of(wanted, images), again=True)
    with claim.hold():
        claim.make_room()
        document = recording.start(run, wanted, images, np.array([0]))
        run.model.write_text("whole")
        run.evaluation.write_text("whole")
        recording.finish(run, document, recording.DONE)
"""


@pytest.mark.programs
def test_killed_while_one_takes_the_place_of_another(images: Cache, tmp_path: Path) -> None:
    """Hundreds of runs, each moved aside by the next: after a kill every one that was finished is whole."""
    for attempt in range(3):
        base = tmp_path / f"runs{attempt}"
        with start(SWAP, tmp_path / "shapes", base / "run") as process:
            assert process.stdout is not None and process.stdout.readline() == "begins\n"
            time.sleep(0.3 + 0.171 * attempt)
            process.kill()
        numbers = sorted(int(path.suffix[1:]) for path in base.iterdir() if path.name.startswith("run."))
        assert numbers == list(range(1, len(numbers) + 1)) and numbers
        for number in numbers:
            files = contents(base / f"run.{number}")
            document = json.loads(files.pop("run.json"))
            assert document["recipe"]["epochs"] == number and document["status"] == "done"
            assert files == {"model.keras": b"whole", "evaluation.json": b"whole"}
        last = runs.Run(base / "run").read()
        assert last is None or last.recipe["epochs"] == len(numbers) + 1
