"""A stranger's float model that export really exported: once a session, read by every test that needs one."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from device.evaluation import exports
from device.evaluation.exports import PLAIN, RESCUED, Rescue, RescueStep
from tests import drawing, foreign, once
from tests.conftest import places, runs_in

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


def once_exported(
    factory: pytest.TempPathFactory, place: str, model: str, lay_out: Callable[[Exported], None]
) -> Exported:
    """Exported in a folder of its own, `place`, after lay_out has written the model, the labels and the images."""

    def paths(folder: Path) -> tuple[Path, Path, Path, Path]:
        return folder / model, folder / "names.txt", folder / "shapes", folder / "run"

    def make(folder: Path) -> None:
        asked = Exported(*paths(folder), "", "")
        lay_out(asked)
        done = runs_in(folder)(*asked.words(asked.run), **places(folder), **EPOCH)
        assert done.returncode == 0, done.stderr
        (folder / "stdout").write_text(done.stdout)
        (folder / "stderr").write_text(done.stderr)

    folder = once.made(factory, place, make)
    return Exported(*paths(folder), *((folder / log).read_text() for log in ("stdout", "stderr")))


@pytest.fixture(scope="session")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Exported:
    """Not to be changed by a test: copy its run folder."""

    def lay_out(asked: Exported) -> None:
        asked.model.write_bytes(foreign.bare())
        asked.labels.write_text(foreign.LABELS)
        drawing.write_folder(asked.images, {"train": 60, "test": 30})

    return once_exported(tmp_path_factory, "foreign", "shape_model.tflite", lay_out)


@pytest.fixture(scope="session")
def lossy(tmp_path_factory: pytest.TempPathFactory) -> Exported:
    """One channel is 320 times as loud as the others: int8 changes one prediction in six, but nothing is broken.

    Triangles are fewer. Not to be changed by a test: copy its run folder.
    """

    def lay_out(asked: Exported) -> None:
        asked.model.write_bytes(foreign.with_one_loud_channel(320))
        asked.labels.write_text(foreign.LABELS)
        drawing.write_folder(asked.images, {"train": 60, "test": 240})
        for image in sorted((asked.images / "test/triangle").iterdir())[40:]:
            image.unlink()

    return once_exported(tmp_path_factory, "lossy", "lossy.tflite", lay_out)


def with_rescue(run: Path) -> Rescue:
    """Adds what a rescue leaves to a copied run: its int8 file once more, as if the second attempt had made it."""
    folder = run / "export"
    made = exports.read(folder)
    int8 = made.variants[-1]
    assert int8.variant == "int8" and int8.file is not None and int8.cost is not None
    file = int8.file.replace("int8", RESCUED)
    shutil.copyfile(folder / int8.file, folder / file)
    steps = tuple(
        RescueStep(means, 1000, 0.5, 1.0, 200, 3, 1, 0.01, (-0.01, 0.03), is_chosen, is_chosen, 0.01)
        for means, is_chosen in ((PLAIN, False), ("equalized", True))
    )
    rescue = Rescue(0.005, "validation", steps, int8, file, int8.sha256, int8.file_bytes, cost=int8.cost)
    exports.write(folder, replace(made, rescue=rescue))
    return rescue
