"""Images in folders of the user's own, for who exports a model without a run: those that calibrate it, and those that
test it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from device import command
from device.data import folders
from device.data.class_folders import label_of
from device.data.content import hash_files
from device.data.folders import Labeled
from device.data.splits import find_splits
from device.data.walk import Walk
from device.errors import UserError
from device.images import images
from device.model.card import InputSpec
from export.source.calibration import CalibrationImages, balanced_rows
from export.source.request import ExportRequest

# Fewer calibration images than FEW hardly show what a network will see, fewer than LEAST don't.
FEW, LEAST = 50, 10


@dataclass(frozen=True)
class CalibrationFiles:
    """The image files of a folder, of its train/ alone where it has one."""

    folder: Path
    paths: tuple[Path, ...]


def files(request: ExportRequest) -> CalibrationFiles:
    """Those to calibrate with. UserError where they are too few."""
    base = _training_part(request)
    walk = Walk(base)
    paths = list(walk)
    seen = f"passed over: {walk.passed_over.describe()}" if walk.passed_over else ""
    if len(paths) < LEAST:
        raise UserError(
            f"{base}: {len(paths)} calibration images, expected at least {LEAST}: int8 keeps to what they show; give"
            f" more, of all that the network will see{'; ' * bool(seen)}{seen}"
        )
    if seen:
        command.say(f"note: {base}: {seen}")
    return CalibrationFiles(base, tuple(paths))


def calibration(
    request: ExportRequest, found: CalibrationFiles, spec: InputSpec
) -> tuple[CalibrationImages, set[str], list[Path]]:
    """The images that calibrate; their content hashes, and the files that were not taken."""
    base, paths = found.folder, found.paths
    # An image's class is the folder it lies in; a flat folder is one class.
    parents = sorted({path.parent for path in paths})
    targets = np.array([parents.index(path.parent) for path in paths], np.int64)
    rows = balanced_rows(targets, np.arange(len(paths)), request.calibration_samples, request.seed)
    if len(rows) < min(request.calibration_samples, FEW):
        command.say(
            f"note: {base}: {len(rows)} calibration images, {request.calibration_samples} were asked for: int8 keeps to"
            " what they show; give more, of all that the network will see"
        )
    chosen = preprocessed([paths[row] for row in rows], spec)
    used = {folders.content_hash(paths[row].read_bytes()) for row in rows}
    left = [paths[row] for row in np.setdiff1d(np.arange(len(paths)), rows)]
    return CalibrationImages(chosen, tuple(rows), request.seed, base.name), used, left


def _training_part(request: ExportRequest) -> Path:
    root = request.calibration
    assert root is not None
    if not root.is_dir():
        raise UserError(
            f"{root}: there is no such folder of calibration images, expected images like those it will see; give one"
            " to --calibration"
        )
    return find_splits(root)[0].get("train", root)


def labeled_calibration(request: ExportRequest, labels: tuple[str, ...]) -> Labeled:
    """Of all images to calibrate with those that lie in folders called after labels."""
    images = with_labels(list(Walk(_training_part(request))), labels)
    rows = np.flatnonzero(images.targets >= 0)
    return replace(images, sources=[images.sources[int(row)] for row in rows], targets=images.targets[rows])


def test(request: ExportRequest, labels: tuple[str, ...], used: set[str]) -> Labeled | None:
    """The test images of --test, or of the calibration folder's own test/, without those that calibrate; None if there
    are none. used: the content hashes of calibration images.
    """
    root = request.test
    if root is None and request.calibration is not None and "test" in find_splits(request.calibration)[0]:
        root = request.calibration
    if root is None:
        return None
    if not root.is_dir():
        raise UserError(
            f"{root}: there is no such folder of test images, expected class folders in it; give one to --test"
        )
    test = folders.labeled_folder(root, labels)
    assert not isinstance(test.sources, np.ndarray)
    kept = [i for i in range(len(test)) if test.hash_of(i) not in used]
    left_out = len(test) - len(kept)
    if left_out > len(kept):
        raise UserError(
            f"{root}: {left_out} of {len(test)} test images are also calibration images, expected others: a file is"
            " tested on what it was not made with; give another folder to --test or --calibration"
        )
    if left_out:
        command.say(f"note: {root}: {left_out} test images are among the calibration images and are left out")
    hashes = [test.hash_of(i) for i in kept]
    sources = [test.sources[i] for i in kept]
    return Labeled(labels, sources, test.targets[kept], test.split, test.left_out + left_out, hashes)


def preprocessed(paths: Sequence[Path], spec: InputSpec) -> npt.NDArray[np.uint8]:
    """The images at the network's size: n x height x width x 3."""
    size = (spec.height, spec.width)
    found = [images.preprocess(images.read(path), size, spec.fit) for path in paths]
    return np.stack(found) if found else np.zeros((0, *size, 3), np.uint8)


def without(paths: Sequence[Path], test: Labeled | None) -> list[Path]:
    """Those that are no test images, whatever they are called there."""
    if test is None:
        return list(paths)
    tested = frozenset(test.hashes)
    return [path for path, known in zip(paths, hash_files(paths), strict=True) if known not in tested]


def with_labels(paths: Sequence[Path], labels: tuple[str, ...]) -> Labeled:
    """By the folders they lie in; -1 where that is no label."""
    places = {label_of(label): place for place, label in enumerate(labels)}
    targets = np.array([places.get(label_of(path.parent.name), -1) for path in paths], np.int64)
    return Labeled(labels, paths, targets, "calibration folder", 0)
