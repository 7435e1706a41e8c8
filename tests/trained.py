"""A run that train really made of the drawn shapes: once a session, read by every test that needs one."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from device.data import folders, run_record
from device.data.folders import Cache
from tests import drawing, once
from tests.conftest import places, runs_in
from tests.warm import TENSORFLOW

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

    def make(base: Path) -> None:
        drawing.write_folder(base / "shapes", {"train": 300, "test": 90})
        words = ("train", "fashion_mnist", "--data", base / "shapes", "--run", base / "run", *WORDS)
        done = runs_in(base, TENSORFLOW)(*words, **places(base))
        assert done.returncode == 0, done.stderr
        (base / "stdout").write_text(done.stdout)
        (base / "stderr").write_text(done.stderr)

    base = once.made(tmp_path_factory, "trained", make)
    logs = (base / "stdout").read_text(), (base / "stderr").read_text()
    return Trained(base / "run", base / "shapes", base / "cache", *logs)
