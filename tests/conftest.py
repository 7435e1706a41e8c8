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
from tests.warm import LIGHT, TENSORFLOW, Warm

if TYPE_CHECKING:
    from playwright.sync_api import Browser

    from tests.device.browsing import Pages

ROOT = Path(__file__).resolve().parents[1]
MODELS = ROOT / "tests/models"

# Functions run as they stand, without the seconds of tracing them. tf.data warns: its own are traced all the same.
EAGER = """
import tensorflow, warnings
warnings.filterwarnings("ignore", "Even though the `tf.config.experimental_run_functions_eagerly`")
tensorflow.config.run_functions_eagerly(True)
"""
# python -c EAGERLY WORDS… is python -m WORDS….
EAGERLY = f"""{EAGER}
import runpy, sys
sys.argv = sys.argv[1:]
runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
"""

# JAX compiles a network for longer than a small one runs: with few optimizations it is done sooner.
UNOPTIMIZED = {"JAX_DISABLE_MOST_OPTIMIZATIONS": "1"}

# Files whose tests take longest: begun first, so that no worker waits for another's last one.
LONGEST = (
    *("test_devices.py", "test_shared_features.py", "test_whole_path.py", "test_transfer.py", "test_every_recipe.py"),
    "test_anyone.py",
)

# Fixtures that run whole commands.
RUNS_COMMANDS = {"command", "warm", "eager", "exported", "lossy"}

Run = Callable[..., subprocess.CompletedProcess[str]]

# Exports try their files in no other runtime, which takes seconds, but where that is the test.
os.environ["FRAMELITE_TFLITE_RUNTIME"] = ""


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: item.path.name not in LONGEST)
    for item in items:
        if RUNS_COMMANDS & set(getattr(item, "fixturenames", ())):
            item.add_marker("long")


def pytest_collection_finish() -> None:
    assert "tensorflow" not in sys.modules, "a test's module imports TensorFlow: seconds for everyone; import it inside"


def places(folder: Path) -> dict[str, str]:
    """The environment of one who keeps all in a folder: no test reads or writes the user's cache, state or Keras'."""
    return {
        "FRAMELITE_CACHE": str(folder / "cache"),
        "STATE_DIRECTORY": str(folder / "state"),
        "KERAS_HOME": str(folder / "keras"),
    }


@pytest.fixture(autouse=True)
def own_places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    before = dict(os.environ)
    monkeypatch.delenv("PYTHONUNBUFFERED", raising=False)  # commands buffer as they do for a user
    for name, value in places(tmp_path).items():
        monkeypatch.setenv(name, value)
    yield
    # A camera that is opened sets what OpenCV reads at its start: all commands after it would be real processes.
    for name in os.environ.keys() - before.keys():
        del os.environ[name]
    os.environ.update(before)


def runs_in(folder: Path, by: Warm = LIGHT) -> Run:
    """Runs `python -m WORDS…` in a folder, as a user would: run("device", "info", path, NAME="of the environment").

    In a fork of a process that has imported the packages (tests/warm.py); but for another python, and where the
    environment says how they are imported.
    """

    def run(*words: object, python: Path | None = None, **environment: str) -> subprocess.CompletedProcess[str]:
        env = {**os.environ, "PYTHONPATH": str(ROOT), **environment}
        env.pop("PYTHONUNBUFFERED", None)
        if python is None and by.suits(env):
            return by.run(words, folder, env, 280)
        own = [str(python or sys.executable), *([] if words[0] == "-c" else ["-m"]), *map(str, words)]
        return subprocess.run(own, capture_output=True, text=True, cwd=folder, env=env, timeout=280)

    return run


@pytest.fixture
def command(tmp_path: Path) -> Run:
    """In an empty folder."""
    return runs_in(tmp_path)


@pytest.fixture
def warm(tmp_path: Path) -> Run:
    """As `command`, with TensorFlow imported already: seconds less for each."""
    return runs_in(tmp_path, TENSORFLOW)


@pytest.fixture
def eager(warm: Run) -> Run:
    """As `warm`, with TensorFlow's functions run as they stand: a tiny training without the seconds of tracing them."""
    return lambda *words, **environment: warm("-c", EAGERLY, *words, **environment)


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
