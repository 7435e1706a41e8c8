"""A power failure at any moment leaves a whole run or none: what 'done' speaks of is on the disk before it is said."""

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests import drawing
from tests.conftest import Run, runs_in
from tests.trained import Trained
from tests.warm import LIGHT, TENSORFLOW, Warm

SMALL = ("--set", "image_size=16x16")
TINY = ("fashion_mnist", *SMALL, "--set", "network=tiny", "--set", "grayscale=false", "--set", "epochs=2")


def states(run: Run, folder: Path, *words: object, **environment: str) -> list[dict[str, str]]:
    done = run("tests.train.powerless", folder, *words, **environment)
    assert done.returncode == 0, done.stderr
    found: list[dict[str, str]] = json.loads(done.stdout)
    return found


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.long
@pytest.mark.parametrize(
    ("words", "by", "made"),
    [
        (("cats_vs_dogs_classical", *SMALL), LIGHT, ("evaluation.json", "confusion.png")),
        pytest.param(TINY, TENSORFLOW, ("evaluation.json", "model.keras"), marks=pytest.mark.tensorflow),
    ],
    ids=["classical", "tiny"],
)
def test_a_run_that_is_done_is_there(tmp_path: Path, words: tuple[Any, ...], by: Warm, made: tuple[str, ...]) -> None:
    data, run = drawing.write_folder(tmp_path / "shapes", {"train": 60, "test": 15}), tmp_path / "run"
    found = states(runs_in(tmp_path, by), run, "train", *words, "--data", data, "--run", run)
    whole = digest(run / "run.json")
    said_done = [state for state in found if state.get("run.json") == whole]
    assert said_done, "it reaches the disk"
    for state in said_done:
        assert {name: state.get(name) for name in made} == {name: digest(run / name) for name in made}
    assert len(said_done) < len(found), "and not before anything else"


@pytest.mark.tensorflow
def test_an_export_that_is_recorded_is_there(warm: Run, tmp_path: Path, trained: Trained) -> None:
    run, folder = tmp_path / "run", tmp_path / "run/export"
    shutil.copytree(trained.run, run)
    found = states(warm, folder, "export", run, FRAMELITE_CACHE=str(trained.cache))
    recorded = [state for state in found if state.get("export.json") == digest(folder / "export.json")]
    assert recorded
    files = {path.name: digest(path) for path in folder.glob("*.tflite")}
    assert len(files) == 4
    for state in recorded:
        assert {name: state.get(name) for name in files} == files
