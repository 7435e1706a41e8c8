"""A stranger's float model that export really exported: once a session, read by every test that needs one."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from tests import drawing, foreign, once
from tests.conftest import places, runs_in

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
    parts = ("shape_model.tflite", "names.txt", "shapes", "run")

    def make(folder: Path) -> None:
        (folder / parts[0]).write_bytes(foreign.bare())
        (folder / parts[1]).write_text(foreign.LABELS)
        drawing.write_folder(folder / parts[2], {"train": 60, "test": 30})
        words = Exported(*(folder / part for part in parts), "", "").words(folder / parts[3])
        done = runs_in(folder)(*words, **places(folder), **EPOCH)
        assert done.returncode == 0, done.stderr
        (folder / "stdout").write_text(done.stdout)
        (folder / "stderr").write_text(done.stderr)

    folder = once.made(tmp_path_factory, "foreign", make)
    logs = (folder / "stdout").read_text(), (folder / "stderr").read_text()
    return Exported(*(folder / part for part in parts), *logs)
