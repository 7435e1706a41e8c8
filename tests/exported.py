"""A stranger's float model that export really exported: once a session, read by every test that needs one."""

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests import drawing, foreign
from tests.conftest import ROOT

VARIANTS = ("float32", "float16", "dynamic", "int8")
EPOCH = {"SOURCE_DATE_EPOCH": "1767225600"}


@dataclass(frozen=True)
class Exported:
    """A stranger's model, what it was exported from and to, and what was said."""

    model: Path
    labels: Path
    images: Path
    run: Path
    stdout: str
    stderr: str

    def words(self, run: Path) -> list[object]:
        words = ["export", self.model, "--labels", self.labels, "--calibration", self.images, "--mean", 0, "--std", 1]
        return [*words, "--run", run]


@pytest.fixture(scope="session")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Exported:
    """Not to be changed by a test: copy its run folder."""
    folder = tmp_path_factory.mktemp("foreign")
    (folder / "shape_model.tflite").write_bytes(foreign.bare())
    (folder / "names.txt").write_text(foreign.LABELS)
    images = drawing.write_folder(folder / "shapes", {"train": 60, "test": 30})
    paths = folder / "shape_model.tflite", folder / "names.txt", images, folder / "run"
    words = Exported(*paths, "", "").words(paths[-1])
    done = subprocess.run(
        [sys.executable, "-m", *map(str, words)],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT), **EPOCH},
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return Exported(*paths, done.stdout, done.stderr)


@pytest.fixture(scope="session")
def lossy(tmp_path_factory: pytest.TempPathFactory) -> Exported:
    """One channel is 320 times as loud as the others: int8 changes one prediction in six, but nothing is broken.

    Triangles are fewer. Not to be changed by a test: copy its run folder.
    """
    folder = tmp_path_factory.getbasetemp() / "lossy"
    paths = folder / "lossy.tflite", folder / "names.txt", folder / "shapes", folder / "run"
    logs = folder / "stdout", folder / "stderr"
    if not folder.exists():  # each conftest that imports this fixture asks once
        folder.mkdir()
        paths[0].write_bytes(foreign.with_one_loud_channel(320))
        paths[1].write_text(foreign.LABELS)
        drawing.write_folder(paths[2], {"train": 60, "test": 240})
        for image in sorted((paths[2] / "test/triangle").iterdir())[40:]:
            image.unlink()
        done = subprocess.run(
            [sys.executable, "-m", *map(str, Exported(*paths, "", "").words(paths[3]))],
            capture_output=True,
            text=True,
            env={**os.environ, "PYTHONPATH": str(ROOT), **EPOCH},
            timeout=120,
        )
        assert done.returncode == 0, done.stderr
        for log, text in zip(logs, (done.stdout, done.stderr), strict=True):
            log.write_text(text)
    return Exported(*paths, *(log.read_text() for log in logs))
