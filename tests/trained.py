"""A run that train really made of the drawn shapes: once a session, read by every test that needs one."""

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from device.data import folders, run_record
from device.data.folders import Cache
from tests import drawing
from tests.conftest import ROOT

# A second or two of training; about nine in ten test images are answered rightly, and the best epoch isn't the last.
SETTINGS = ("image_size=16x16", "network=tiny", "epochs=7", "batch_size=16", "learning_rate=0.01", "grayscale=false")
WORDS = tuple(word for setting in SETTINGS for word in ("--set", setting))


@dataclass(frozen=True)
class Trained:
    """The run folder, the images it was trained on, where their cache lies, and what train said."""

    run: Path
    data: Path
    cache: Path
    stdout: str
    stderr: str

    @property
    def images(self) -> Cache:
        """The cache that the run itself was trained on: other tests may have made more beside it."""
        found = folders.open_cache(self.cache / run_record.read(self.run).data.cache)
        assert found is not None
        return found


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Trained:
    """Not to be changed by a test: copy it."""
    base = tmp_path_factory.getbasetemp() / "trained"
    paths = base / "run", base / "shapes", base / "cache"
    logs = base / "stdout", base / "stderr"
    if not base.exists():  # each conftest that imports this fixture asks once
        base.mkdir()
        drawing.write_folder(paths[1], {"train": 300, "test": 90})
        done = subprocess.run(
            [sys.executable, "-m", "train", "fashion_mnist", "--data", str(paths[1]), "--run", str(paths[0]), *WORDS],
            capture_output=True,
            text=True,
            env={**os.environ, "PYTHONPATH": str(ROOT), "FRAMELITE_CACHE": str(paths[2])},
            timeout=240,
        )
        assert done.returncode == 0, done.stderr
        for log, text in zip(logs, (done.stdout, done.stderr), strict=True):
            log.write_text(text)
    return Trained(*paths, *(log.read_text() for log in logs))
