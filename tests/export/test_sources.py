"""Where export finds a run's images, and what it says where they are missing."""

import re
import shlex
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from device.data import folders
from device.data.cache_index import CachedSplit, CacheIndex, SplitSettings
from device.errors import UserError
from device.model.card import InputSpec
from export.source import image_folders
from export.source.request import ExportRequest
from tests import drawing
from tests.conftest import Run
from train.data import cache
from train.datasets.named_data import FASHION_LABELS
from train.recipes import catalog
from train.recipes.settings import replaced
from train.run import recording, runs


def finished_run(folder: Path, run: Path) -> str:
    """A finished run on a folder's images, of whose model nothing is read; the name of its cache."""
    recipe = replaced(
        catalog.get("fashion_mnist"), data=str(folder), test_split=0.3, seed=5, fit="pad", image_size=(12, 16)
    )
    request = cache.DataRequest.of(recipe, skip_bad=True)
    made = cache.provide(request)
    document = recording.start(runs.Run(run), recipe, made, np.array([0, 1]))
    recording.finish(runs.Run(run), document, recording.DONE)
    (run / "model.keras").write_bytes(b"")
    return made.path.name


@pytest.mark.parametrize("splits", [{"train": 9, "test": 9}, {None: 30}], ids=["two levels", "one level"])
def test_the_command_that_makes_a_missing_cache_makes_it(
    command: Run, tmp_path: Path, splits: dict[str | None, int]
) -> None:
    """With all that decides which images are in it, so it is tried as it is said; the folder's name has a space."""
    folder = drawing.write_folder(tmp_path / "my shapes", splits)
    next(folder.rglob("square/*.png")).write_bytes(b"broken")
    name, empty = finished_run(folder, tmp_path / "run"), tmp_path / "empty"
    done = command("export", "run", FRAMELITE_CACHE=str(empty))
    assert done.returncode == 2
    assert done.stderr.startswith(
        f"error: run: its images are not in the cache ({empty}/{name}); make them again with: "
    )
    assert len(done.stderr.splitlines()) == 1
    said = re.search(r"with: python -m (train data .*?) \(or train anew", done.stderr)
    assert said
    made = command(*shlex.split(said[1]), FRAMELITE_CACHE=str(empty))
    assert made.returncode == 0, made.stderr
    assert [path.name for path in empty.iterdir()] == [name]


def test_the_command_for_data_with_a_name(command: Run, tmp_path: Path) -> None:
    path = tmp_path / "cache/fashion_mnist-0123456789ab-28x28-crop"
    recipe = catalog.get("fashion_mnist")
    nothing = CachedSplit((), (), ())
    index = CacheIndex(
        name="fashion_mnist",
        fingerprint="0123456789ab",
        labels=FASHION_LABELS,
        height=28,
        width=28,
        fit="crop",
        origin="Keras' cache",
        split=SplitSettings(0.2, 1),
        skipped=(),
        splits={"train": nothing, "test": nothing},
    )
    made = folders.Cache(path, index)
    document = recording.start(runs.Run(tmp_path / "run"), recipe, made, np.array([], np.int64))
    recording.finish(runs.Run(tmp_path / "run"), document, recording.DONE)
    (tmp_path / "run/model.keras").write_bytes(b"")
    done = command("export", "run")
    assert done.returncode == 2
    assert done.stderr.startswith(f"error: run: its images are not in the cache ({path}); make them again with:")
    assert len(done.stderr.splitlines()) == 1
    assert "with: python -m train data fashion_mnist --size 28x28 --fit crop (or" in done.stderr


def asked(calibration: Path) -> ExportRequest:
    return ExportRequest(Path("model.tflite"), calibration=calibration)


def test_calibration_and_test_images_by_any_name_of_their_splits(tmp_path: Path) -> None:
    root = drawing.write_folder(tmp_path / "shapes", {"Training": 12, "Testing": 6})
    choice, used, _ = image_folders.calibration(asked(root), image_folders.files(asked(root)), InputSpec(16, 16))
    assert (len(choice.images), choice.split, len(used)) == (12, "Training", 12)
    test = image_folders.test(asked(root), drawing.LABELS, used)
    assert test is not None and (len(test), test.split) == (6, "test")


def test_a_class_called_train_is_not_all_that_is_calibrated_with(tmp_path: Path) -> None:
    root = drawing.write_folder(tmp_path / "vehicles", {None: 12})
    (root / "circle").rename(root / "train")
    choice, _, _ = image_folders.calibration(asked(root), image_folders.files(asked(root)), InputSpec(16, 16))
    assert (len(choice.images), choice.split) == (12, "vehicles")


def test_calibration_images_are_told_by_content(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = drawing.write_folder(tmp_path / "shapes", {None: 12})
    first = next((root / "circle").iterdir())
    (root / "circle/thumbs.db").write_bytes(b"x")
    (root / "circle/@eaDir").mkdir()
    (root / "circle/@eaDir/a.png").write_bytes(first.read_bytes())
    first.rename(first.with_suffix(".jfif"))
    choice, _, _ = image_folders.calibration(asked(root), image_folders.files(asked(root)), InputSpec(16, 16))
    assert len(choice.images) == 12
    assert "1 @eaDir" in capsys.readouterr().err


def test_the_test_folder_is_held_to_the_same_rules(tmp_path: Path) -> None:
    calibration = drawing.write_folder(tmp_path / "calibration", {None: 9})
    test = drawing.write_folder(tmp_path / "test", {None: 9}, seed=2)
    (test / "empty").mkdir()
    request = replace(asked(calibration), test=test)
    with pytest.raises(UserError, match="'empty'"):
        image_folders.test(request, drawing.LABELS, set())
