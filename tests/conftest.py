"""What every test may use: committed models, drawn images, a cache and a home of its own, other environments."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests import drawing
from tests.device import machines
from tests.warm import Warm

if TYPE_CHECKING:
    from playwright.sync_api import Browser

    from tests.device.browsing import Pages

ROOT = Path(__file__).resolve().parents[1]
MODELS = ROOT / "tests/models"

Run = Callable[..., subprocess.CompletedProcess[str]]

# Exports try their files in no other runtime, which takes seconds, but where that is the test.
os.environ["FRAMELITE_TFLITE_RUNTIME"] = ""


@pytest.fixture(autouse=True)
def own_places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test reads or writes the user's cache, state or Keras' files, and commands buffer as they do for a user."""
    monkeypatch.delenv("PYTHONUNBUFFERED", raising=False)
    monkeypatch.setenv("FRAMELITE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path / "state"))
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))


@pytest.fixture
def command(tmp_path: Path) -> Run:
    """Runs `python -m WORDS…` in an empty folder, as a user would: command("device", "info", path)."""

    def run(*words: object, python: Path | None = None, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(python or sys.executable), "-m", *map(str, words)],
            capture_output=True,
            text=True,
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
            timeout=280,
        )

    return run


@pytest.fixture(scope="session")
def warm_process() -> Iterator[Warm]:
    with Warm() as process:
        yield process


@pytest.fixture
def warm(tmp_path: Path, warm_process: Warm) -> Run:
    """As `command`, in a process that has imported TensorFlow already (tests/warm.py): seconds less for each."""

    def run(*words: object, **environment: str) -> subprocess.CompletedProcess[str]:
        env = {**os.environ, "PYTHONPATH": str(ROOT), **environment}
        return warm_process.run([*map(str, words)], tmp_path, env, 280)

    return run


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder for programs that a test puts there; vcgencmd and the like of this machine are not found."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", machines.path_with(folder))
    return folder


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """An empty folder for a machine that a test makes up (tests/device/machines.py)."""
    folder = tmp_path / "root"
    folder.mkdir()
    return folder


@pytest.fixture
def shapes_folder(tmp_path: Path) -> Path:
    """60 training and 30 test images of three labels."""
    return drawing.write_folder(tmp_path / "shapes", {"train": 60, "test": 30})


@pytest.fixture(scope="module")
def browser() -> "Iterator[Browser]":
    from tests.device.browsing import chromium  # here, since playwright is for a few tests alone

    with chromium() as started:
        yield started


@pytest.fixture
def pages(browser: "Browser") -> "Iterator[Pages]":
    from tests.device.browsing import Pages

    with Pages(browser) as made:
        yield made


def model(variant: str) -> Path:
    """A committed model of the drawn shapes (tests/make_models.py): float32, float16, dynamic or int8."""
    return MODELS / f"shapes_{variant}.tflite"


def missing(what: str) -> None:
    """Skips with the reason; where CI=true nothing may be missing."""
    if os.environ.get("CI") == "true":
        pytest.fail(f"{what} (CI=true: nothing may be missing)")
    pytest.skip(what)


def environment(name: str) -> Path:
    """The Python of an environment that `make test-setup` makes, such as tflite-runtime or mediapipe."""
    python = ROOT / f".venv-{name}/bin/python"
    if not python.exists():
        missing(f"no environment .venv-{name}; make it with: make test-setup")
    return python


def shared(path: str) -> Path:
    """A file that developers have beside the checkout and users don't; the test is skipped where it isn't there."""
    found = ROOT.parent / "shared" / path
    if not found.exists():
        pytest.skip(f"the developers' {path} is not beside this checkout")
    return found
