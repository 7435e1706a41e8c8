"""The wheel: built, installed into an empty environment outside of the checkout, and run there.

The dependencies are this environment's own, lent by a .pth file: what is tested is what the wheel brings.
"""

import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest

import benchmarks.__main__
import device.__main__
from device.images import images
from tests import drawing, foreign, once
from tests.conftest import ROOT, environment, missing, model
from tests.trained import WORDS

pytestmark = pytest.mark.programs

PACKAGES = ("framelite", "device", "train", "export", "benchmarks")
# What a board is sent of device/ beside its code: models, the page, and that its types are meant for others (PEP 561).
ON_A_BOARD = {".py", ".typed", ".tflite", ".html", ".css", ".js", ".svg"}


def files(root: Path) -> set[str]:
    """All of the packages, as they lie in the checkout."""
    return {
        path.relative_to(root).as_posix()
        for package in PACKAGES
        for path in (root / package).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


@dataclass(frozen=True)
class Installed:
    """The wheel, the Python that has it, and an empty folder for its commands."""

    wheel: Path
    python: Path
    folder: Path

    def run(self, *words: object, code: int = 0, program: Path | None = None) -> subprocess.CompletedProcess[str]:
        """program: of the environment, another than Python."""
        own = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
        done = subprocess.run(
            [str(program or self.python), *map(str, words)],
            capture_output=True,
            text=True,
            cwd=self.folder,
            env={
                **own,
                "FRAMELITE_CACHE": str(self.folder / "cache"),
                "KERAS_HOME": str(self.folder / "keras"),
            },
            timeout=240,
        )
        assert done.returncode == code, (words, done.stdout, done.stderr)
        return done


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Installed:
    base = once.made(tmp_path_factory, "wheel", build_and_install)
    (wheel,) = base.glob("framelite-*.whl")
    return Installed(wheel, base / "env/bin/python", tmp_path_factory.mktemp("empty"))


def build_and_install(base: Path) -> None:
    if importlib.util.find_spec("setuptools") is None:
        missing("no setuptools here; install it with: make setup")
    source = base / "source"
    source.mkdir()
    for package in PACKAGES:  # a copy: building leaves files behind
        shutil.copytree(ROOT / package, source / package, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--no-input"]
    whole = ["--no-deps", "--no-index", "--quiet"]
    _done([*pip, "wheel", *whole, "--no-build-isolation", "--wheel-dir", str(base), str(source)])
    (wheel,) = base.glob("framelite-*.whl")
    shutil.rmtree(source)
    _done([sys.executable, "-m", "venv", "--without-pip", str(base / "env")])
    python = base / "env/bin/python"
    _done([*pip, "--python", str(python), "install", *whole, str(wheel)])
    packages = _done([str(python), "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"]).strip()
    (Path(packages) / "lent.pth").write_text(sysconfig.get_path("purelib") + "\n")


def _done(words: list[str]) -> str:
    done = subprocess.run(words, capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_wheel_has_every_file_and_no_other(installed: Installed) -> None:
    with zipfile.ZipFile(installed.wheel) as wheel:
        held = {name for name in wheel.namelist() if not name.split("/")[0].endswith(".dist-info")}
    assert held == files(ROOT)


def test_a_board_is_sent_what_it_reads() -> None:
    assert {Path(name).suffix for name in files(ROOT) if name.startswith("device/")} == ON_A_BOARD


def test_its_code_is_what_runs(installed: Installed) -> None:
    code = "import importlib, sys; print(*(importlib.import_module(name).__file__ for name in sys.argv[1:]))"
    found = installed.run("-c", code, *PACKAGES).stdout.split()
    assert all(Path(path).is_relative_to(installed.python.parents[1]) for path in found), found


def commands() -> Iterator[tuple[str, ...]]:
    yield from (("export",), ("train",), *(("train", name) for name in ("list", "data", "preview", "backbones")))
    for package in (device.__main__, benchmarks.__main__):
        yield (package.__package__ or "",)
        names = re.findall(r"^ {4}([\w-]+)(?: |$)", package.parser().format_help(), re.MULTILINE)
        yield from ((package.__package__ or "", name) for name in names)


def test_every_command_explains_itself(installed: Installed) -> None:
    found = list(commands())
    assert len(found) > 15 and ("device", "classify") in found and ("benchmarks", "gate") in found
    with ThreadPoolExecutor(4) as pool:
        said = pool.map(lambda words: installed.run("-m", *words, "--help").stdout, found)
        for words, text in zip(found, said, strict=True):
            assert text.startswith(f"usage: python -m {' '.join(words)}"), words


def test_the_one_command_is_installed(installed: Installed) -> None:
    script = installed.python.parent / "framelite"
    network = next(installed.python.parents[1].rglob("cifar10_int8.tflite"))
    said = installed.run("info", network, "--json", "-", program=script).stdout
    assert said == installed.run("-m", "device", "info", network, "--json", "-").stdout
    assert "framelite" in installed.run(program=script, code=2).stderr


def test_the_front_door_opens_where_only_a_board_s_packages_are(installed: Installed) -> None:
    """The wheel's folder, with a Python that has numpy, OpenCV and an interpreter, nothing else."""
    network = next(installed.python.parents[1].rglob("cifar10_int8.tflite"))
    packages = network.parents[2]
    (installed.folder / "one.png").write_bytes(images.encode_png(drawing.shapes(1, 1)[0][1]))
    code = """if True:
        import sys
        from framelite import Classifier
        print(Classifier(sys.argv[1])("one.png").label, sys.modules["framelite"].__file__)
    """
    done = subprocess.run(
        [environment("tflite-runtime"), "-c", code, network],
        cwd=installed.folder,
        env={**os.environ, "PYTHONPATH": str(packages)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    label, file = done.stdout.split()
    assert label and Path(file).parent == packages / "framelite"


def test_device_s_commands_work(installed: Installed) -> None:
    classes = [("cat", 1), ("dog", 2)]
    for name, seed in classes:
        (installed.folder / "data" / name).mkdir(parents=True, exist_ok=True)
        drawn = images.encode_png(drawing.shapes(1, seed)[0][1])
        (installed.folder / "data" / name / "1.png").write_bytes(drawn)
    network = next(installed.python.parents[1].rglob("cifar10_int8.tflite"))
    assert json.loads(installed.run("-m", "device", "info", network, "--json", "-").stdout)["name"] == "cifar10"
    answered = installed.run("-m", "device", "classify", network, "data/cat/1.png", "--json", "-").stdout
    assert len(json.loads(answered)["top"]) == 5
    assert "PASS" in installed.run("-m", "device", "check", network).stdout
    assert json.loads(installed.run("-m", "device", "doctor", "--json", "-").stdout)
    live = ("live", "--source", "test", "--frames", 3, "--threads", 1, "--headless", "--jsonl", "-")
    assert len(installed.run("-m", "device", *live).stdout.splitlines()) == 3
    judged = installed.run("-m", "benchmarks", "accuracy", network, "--data", "data", "--json", "-").stdout
    assert json.loads(judged)["results"][0]["n"] == 2
    timed = ("latency", network, "--seconds", 0.2, "--threads", 1, "--json", "latency.json")
    installed.run("-m", "benchmarks", *timed)
    installed.run("-m", "benchmarks", "report", "latency.json", "-o", "report.html")
    assert "cifar10_int8" in (installed.folder / "report.html").read_text()


def test_train_s_lists_work(installed: Installed) -> None:
    assert "fashion_mnist" in installed.run("-m", "train", "list").stdout
    assert "MobileNetV2" in installed.run("-m", "train", "backbones").stdout


def test_a_stranger_s_model_is_exported(installed: Installed) -> None:
    shutil.copy(model("float32"), installed.folder / "ours.tflite")
    (installed.folder / "net.tflite").write_bytes(foreign.bare())
    (installed.folder / "labels.txt").write_text(foreign.LABELS)
    drawing.write_folder(installed.folder / "shapes", {"train": 30, "test": 30})
    words = ("net.tflite", "--labels", "labels.txt", "--calibration", "shapes", "--mean", 0, "--std", 1, "--run", "run")
    installed.run("-m", "export", *words, "--variants", "float32,int8")
    assert (installed.folder / "run/export/net_int8.tflite").is_file()


@pytest.mark.tensorflow
def test_a_folder_is_trained_and_exported(installed: Installed) -> None:
    drawing.write_folder(installed.folder / "drawn", {"train": 60, "test": 30})
    settings = (*WORDS, "--set", "epochs=1")
    installed.run("-m", "train", "fashion_mnist", "--data", "drawn", "--run", "trained", *settings)
    assert json.loads((installed.folder / "trained/run.json").read_text())["git_commit"] is None
    installed.run("-m", "export", "trained", "--variants", "float32")
    assert list((installed.folder / "trained/export").glob("*_float32.tflite"))
