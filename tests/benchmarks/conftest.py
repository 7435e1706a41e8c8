"""What several tests of benchmarks begin with: a run folder as export leaves it, a gate with short rounds."""

import shutil
from pathlib import Path

import pytest

from benchmarks.__main__ import parser
from benchmarks.gate import command, pairs
from tests.benchmarks.gating import Gate
from tests.conftest import model
from tests.exported import lossy
from tests.limits import limits

__all__ = ["lossy"]


@pytest.fixture
def run_folder(tmp_path: Path) -> Path:
    """Of two variants."""
    folder = tmp_path / "runs/shapes"
    (folder / "export").mkdir(parents=True)
    for variant in ("int8", "float32"):
        shutil.copyfile(model(variant), folder / f"export/shapes_{variant}.tflite")
    return folder


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Gate:
    """The exit code of a gate in the test's folder with short rounds, but fresh processes all the same."""
    limits(monkeypatch, pairs, ROUND_S=0.05, WARMUP_S=0.01)
    monkeypatch.chdir(tmp_path)
    return lambda *words: command.gate(parser().parse_args(["gate", *map(str, words)]))
