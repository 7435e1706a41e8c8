"""Labeled images to measure with: a folder of class folders, or an image cache made by train.

    DIR/LABEL/…                   class folders, with or without splits: device/data/class_folders.py
    CACHE/NAME-FINGERPRINT-HxW-FIT/{train,test}.npy, index.json

The cache is uint8, n x height x width x 3, memory-mapped, so it may be larger than memory. It is in `$FRAMELITE_CACHE`
or `~/.cache/framelite`; `train/data/cache.py` writes it.
"""

import glob
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from device import command
from device.data import cache_index, copies
from device.data.cache_index import SPLITS, CacheIndex
from device.data.class_folders import File as File
from device.data.class_folders import Folder as Folder
from device.data.class_folders import label_of
from device.data.class_folders import read_folder as read_folder
from device.data.content import content_hash as content_hash
from device.data.content import hash_files
from device.errors import UserError
from device.images import images
from device.images.images import Pixels, Size
from device.model.card import Fit
from device.model.model_data import ModelData
from device.places import NoPlaceError, is_folder
from device.places import cache_root as cache_root

TEST = "test"


@dataclass(frozen=True)
class Cache:
    """An image cache on disk: the images at the size that the network was trained on."""

    path: Path
    index: CacheIndex

    @property
    def name(self) -> str:
        return self.index.name

    @property
    def fingerprint(self) -> str:
        return self.index.fingerprint

    @property
    def labels(self) -> tuple[str, ...]:
        return self.index.labels

    @property
    def size(self) -> Size:
        """(height, width) of every image, in pixels."""
        return self.index.height, self.index.width

    @property
    def fit(self) -> Fit:
        return self.index.fit

    def images(self, split: str) -> npt.NDArray[np.uint8]:
        """n x height x width x 3, memory-mapped."""
        array: npt.NDArray[np.uint8] = np.load(self.path / f"{split}.npy", mmap_mode="r")
        return array

    def targets(self, split: str) -> npt.NDArray[np.int64]:
        """The index of each image's label."""
        return np.asarray(self.index.splits[split].targets, np.int64)

    def hashes(self, split: str) -> list[str]:
        """The content hash of each image's file, in the order of rows."""
        return list(self.index.splits[split].hashes)

    @property
    def has_test(self) -> bool:
        """A small data set may have no test; its accuracy is cross-validated."""
        return bool(self.index.splits["test"].targets)

    @property
    def validation_rows(self) -> npt.NDArray[np.int64] | None:
        """The rows of train.npy that come from the folder's own validation/; None if it has none."""
        rows = self.index.validation_rows
        return None if rows is None else np.asarray(rows, np.int64)


def cache_folder(name: str, fingerprint: str, size: Size, fit: str) -> Path:
    """Where the cache of a data set at that size is, or would be. size: (height, width)."""
    return cache_root() / f"{name}-{fingerprint}-{size[0]}x{size[1]}-{fit}"


def open_cache(path: Path) -> Cache | None:
    """The cache in a folder; None if it is missing or unfinished (index.json is written last).

    UserError if it has another version.
    """
    try:
        cache = Cache(path, cache_index.read(path))
        for split in SPLITS:
            if cache.images(split).shape != (len(cache.index.splits[split].targets), *cache.size, 3):
                return None
    except (OSError, ValueError):
        return None
    return cache


def cache_of(name: str, fingerprint: str, size: Size, fit: str) -> Cache | None:
    """The cache of that name below the root, or another one of the same images, whose folder may have moved."""
    same = f"*-{glob.escape(fingerprint)}-{size[0]}x{size[1]}-{fit}"
    paths = [cache_root() / name, *sorted(cache_root().glob(same))]
    return next((cache for path in paths if (cache := open_cache(path)) and cache.fingerprint == fingerprint), None)


def find_cache(name: str, size: Size, fit: str, fingerprint: str | None = None) -> Cache | None:
    """The newest finished cache of a data set at a size, or the one with the given fingerprint."""
    which = glob.escape(fingerprint) if fingerprint else "*"
    pattern = f"{glob.escape(name)}-{which}-{size[0]}x{size[1]}-{fit}"
    found = [cache for path in _in_cache(pattern) if (cache := open_cache(path)) and cache.name == name]
    return max(found, key=lambda cache: (cache.path / cache_index.NAME).stat().st_mtime, default=None)


def _in_cache(pattern: str) -> list[Path]:
    """The matching folders in the cache; none if there is no cache or it can't be read."""
    try:
        return list(cache_root().glob(pattern))
    except (NoPlaceError, OSError):
        return []


@dataclass(frozen=True)
class Labeled:
    """Images with the index of their label among the model's labels.

    sources: rows of a cache (an array), or image files, which are read when needed. hashes: their content hashes, which
    are the same for other models. left_out: how many training images and copies were left out. rows: the sources that
    count, if not all do.
    """

    labels: tuple[str, ...]
    sources: npt.NDArray[np.uint8] | Sequence[Path]
    targets: npt.NDArray[np.int64]
    split: str
    left_out: int
    hashes: Sequence[str] = ()
    rows: npt.NDArray[np.int64] | None = None

    def __len__(self) -> int:
        return len(self.targets)

    def at(self, places: npt.NDArray[np.int64]) -> "Labeled":
        """The images at these places, in that order."""
        rows = places if self.rows is None else self.rows[places]
        hashes = [self.hashes[i] for i in places] if self.hashes else ()
        return replace(self, targets=self.targets[places], rows=rows, hashes=hashes)

    def drawn(self, most: int, seed: int) -> "Labeled":
        """All images, or `most` of them, drawn by the seed, in their order."""
        return self if len(self) <= most else self.at(drawn(len(self), most, seed))

    def hash_of(self, i: int) -> str:
        """The content hash of image i, which is the same for other models."""
        return self.hashes[i]

    def image(self, i: int) -> Pixels:
        """Image i: of the network's size from a cache, of its own size from a file."""
        source = self._source(i)
        return images.read(source) if isinstance(source, Path) else np.asarray(source)

    def file(self, i: int) -> str | None:
        """The file of image i; None where it is in a cache."""
        source = self._source(i)
        return str(source) if isinstance(source, Path) else None

    def files(self) -> Iterator[Path]:
        """The image files, in order; none of a cache."""
        for i in range(len(self)):
            if isinstance(source := self._source(i), Path):
                yield source

    def _source(self, i: int) -> Path | npt.NDArray[np.uint8]:
        return self.sources[i if self.rows is None else int(self.rows[i])]


def drawn(count: int, most: int, seed: int) -> npt.NDArray[np.int64]:
    """Of `count` places all, or `most` of them, drawn by the seed, in their order."""
    return np.sort(np.random.default_rng(seed).permutation(count)[:most])


def labeled(data: str, model: ModelData) -> Labeled:
    """The test images of a data set by name (from the cache) or of a folder, with the model's labels.

    Images that the model or a network before it was trained on are left out and counted, by content hash. UserError for
    a label that the model doesn't know, or a missing cache.
    """
    if not is_folder(data):
        return labeled_cache(data, model)
    return labeled_folder(Path(data), model.labels, training_hashes(model.fingerprint, *model.earlier))


def labeled_cache(name: str, model: ModelData) -> Labeled:
    """Like `labeled`, by name only: the cache that the model was trained on, else the newest of that name."""
    at = name, model.size, model.fit
    cache = (model.fingerprint and find_cache(*at, model.fingerprint)) or find_cache(*at)
    if not cache:
        size = f"{model.size[0]}x{model.size[1]}"
        raise UserError(
            f"the data {name!r} is neither a folder nor in the cache at {size} {model.fit}; create it with:"
            f" python -m train data {name} --size {size}" + ("" if model.fit == "crop" else f" --fit {model.fit}")
        )
    targets = match_labels(cache.labels, model.labels, name)[cache.targets(TEST)]
    if not len(targets):
        raise UserError(
            f"{name}: no {TEST} images (so few were cross-validated), expected some; give class folders: --data DIR"
        )
    # Another cache of the same images may split them differently.
    trained_on = training_hashes(*({model.fingerprint, *model.earlier} - {cache.fingerprint}))
    hashes = cache.hashes(TEST)
    rows = copies.to_measure(name, cache.index.splits[TEST].origins, hashes, targets, trained_on)
    if len(rows) == len(targets):
        return Labeled(model.labels, cache.images(TEST), targets, TEST, 0, hashes)
    left = [hashes[i] for i in rows]
    return Labeled(model.labels, cache.images(TEST), targets[rows], TEST, len(targets) - len(rows), left, rows)


def labeled_folder(root: Path, labels: tuple[str, ...], trained_on: frozenset[str] = frozenset()) -> Labeled:
    """The images in test/ of a folder, or all of one without splits. trained_on: content hashes to leave out."""
    folder = read_folder(root)
    if folder.note:
        command.say_once(f"note: {folder.note}")
    files = folder.split(TEST) if folder.has_splits else list(folder.files)
    if not files:
        raise UserError(f"{root}: no images in {TEST}/; expected {root}/{TEST}/LABEL/…")
    places = dict(zip(folder.labels, match_labels(folder.labels, labels, str(root)), strict=True))
    targets = np.array([places[file.label] for file in files], np.int64)
    names = [str(file.path.relative_to(root)) for file in files]
    hashes = list(hash_files([file.path for file in files]))
    rows = copies.to_measure(str(root), names, hashes, targets, trained_on)
    kept, left = [files[row].path for row in rows], [hashes[row] for row in rows]
    return Labeled(labels, kept, targets[rows], TEST, len(files) - len(rows), left)


def match_labels(theirs: Sequence[str], ours: Sequence[str], data: str) -> npt.NDArray[np.int64]:
    """The index of each of the data's labels among the model's; UserError for one it doesn't know, or has twice.

    Accents may be encoded either way (NFC, NFD), and spaces around a name don't count. Third-party lists may repeat a
    name (ImageNet's has 'crane' twice), and then it is unknown which output is meant.
    """
    found = {label: _places(label, ours) for label in theirs}
    if unknown := next((label for label, places in found.items() if not places), None):
        known = ", ".join(ours[:5]) + (f" … ({len(ours)})" if len(ours) > 5 else "")
        raise UserError(
            f"{data}: the model doesn't know the label {unknown!r}, expected some of {known}; rename the folder, or"
            " give the model's own labels (--labels FILE)"
        )
    if twice := next((label for label, places in found.items() if len(places) > 1), None):
        places = " and ".join(map(str, found[twice]))
        raise UserError(
            f"{data}: the model's outputs {places} are all called {twice!r}, expected one for a class of the data;"
            " leave that class out, or give the outputs different names (--labels FILE)"
        )
    return np.array([found[label][0] for label in theirs], np.int64)


def _places(label: str, ours: Sequence[str]) -> list[int]:
    exact = [place for place, name in enumerate(ours) if name == label]
    return exact or [place for place, name in enumerate(ours) if label_of(name) == label_of(label)]


def training_hashes(*fingerprints: str | None) -> frozenset[str]:
    """The content hashes of the training images of these data sets; none of one whose cache is not on this machine."""
    return frozenset().union(*(_training_hashes(each) for each in fingerprints if each))


def _training_hashes(fingerprint: str) -> list[str]:
    for path in _in_cache(f"*-{glob.escape(fingerprint)}-*"):
        if cache := open_cache(path):
            return cache.hashes("train")
    return []
