"""No home folder, or one that can't be written: what needs no cache goes on, what does names the variable."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests import drawing
from tests.conftest import MODELS, ROOT, Run

pytestmark = pytest.mark.long

MODEL = MODELS / "shapes_int8.tflite"
# A user id that no user has; it may read what root may, since the interpreter may lie in root's home.
NOBODY = ("setpriv", "--reuid=41234", "--regid=41234", "--clear-groups")
READS = ("--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search")


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = drawing.write_folder(tmp_path_factory.mktemp("data") / "shapes", {"train": 12, "test": 6})
    return next((folder / "test/circle").iterdir())


def words(command: str, image: Path) -> list[str]:
    data, model = str(image.parents[2]), str(MODEL)
    return {
        "classify": ["device", "classify", model, str(image)],
        "live": ["device", "live", model, "--source", str(image), "--headless", "--frames", "1"],
        "doctor": ["device", "doctor"],
        "latency": ["benchmarks", "latency", model, "--seconds", "0.1", "--threads", "1"],
        "accuracy": ["benchmarks", "accuracy", model, "--data", data],
        "backbones": ["train", "backbones"],
        "data": ["train", "data", data, "--size", "16"],
    }[command]


# doctor's word on this machine may be either.
GO_ON = {"classify": {0}, "live": {0}, "doctor": {0, 1}, "latency": {0}, "accuracy": {0}, "backbones": {0}}


def nameless(tmp_path: Path, *command: str) -> "subprocess.CompletedProcess[str]":
    """A command by a user id without a name, with no HOME: Python then knows no home folder."""
    as_nobody = [*NOBODY, *READS]
    if not shutil.which("setpriv") or subprocess.run([*as_nobody, "true"], capture_output=True).returncode:
        pytest.skip("another user id can't be taken here: that takes root")
    (tmp_path / "work").mkdir()
    (tmp_path / "work").chmod(0o777)
    return subprocess.run(
        [*as_nobody, sys.executable, "-m", *command],
        capture_output=True,
        text=True,
        cwd=tmp_path / "work",
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"},
        timeout=200,
    )


@pytest.mark.parametrize("name", GO_ON)
def test_without_a_home_they_go_on(name: str, image: Path, tmp_path: Path) -> None:
    done = nameless(tmp_path, *words(name, image))
    assert done.returncode in GO_ON[name], done.stderr
    assert done.stdout and "Traceback" not in done.stderr


@pytest.mark.parametrize("name", GO_ON)
def test_with_a_home_that_cannot_be_written_they_go_on(command: Run, name: str, image: Path) -> None:
    done = command(*words(name, image), HOME="/proc", FRAMELITE_CACHE="", KERAS_HOME="")
    assert done.returncode in GO_ON[name], done.stderr
    assert done.stdout and "Traceback" not in done.stderr


def test_the_cache_names_its_variable_without_a_home(image: Path, tmp_path: Path) -> None:
    done = nameless(tmp_path, *words("data", image))
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert line.startswith("error: ") and "FRAMELITE_CACHE" in line


def test_the_cache_names_its_variable_where_it_cannot_be_made(command: Run, image: Path) -> None:
    done = command(*words("data", image), HOME="/proc", FRAMELITE_CACHE="")
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert line.startswith("error: /proc/.cache/framelite: ") and "FRAMELITE_CACHE" in line


def test_a_named_place_needs_no_home(image: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HOME", raising=False)
    monkeypatch.setenv("FRAMELITE_CACHE", str(tmp_path / "mine"))
    from device import places

    assert places.cache_root() == tmp_path / "mine"
