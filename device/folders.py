"""Labelled pictures, for everyone who measures: a folder of class folders, or a picture cache that train made.

    DIR/{train,test}/LABEL/…      read by split
    DIR/LABEL/…                   one level
    CACHE/NAME-FINGERPRINT-HxW-FIT/{train,test}.npy, index.json

The cache is uint8, n x height x width x 3, memory-mapped: it may be larger than memory. `$FRAMELITE_CACHE` or
`~/.cache/framelite` holds it; `train/cache.py` writes it.
"""

import glob
import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from device import pictures
from device.errors import UserError
from device.pictures import Picture, Size

SPLITS = ("train", "test")
INDEX = "index.json"


@dataclass(frozen=True)
class File:
    """One picture file of a class folder. split is None in a folder of one level."""

    path: Path
    label: str
    split: str | None


@dataclass(frozen=True)
class Folder:
    """A folder of class folders as it lies there: labels in order of name, files in order of path.

    ignored: files that are no pictures. unread: what may hold pictures, but is no class folder and in none.
    """

    root: Path
    labels: tuple[str, ...]
    files: tuple[File, ...]
    ignored: int
    unread: tuple[str, ...] = ()

    def split(self, name: str) -> list[File]:
        return [file for file in self.files if file.split == name]

    @property
    def has_splits(self) -> bool:
        return self.files[0].split is not None


def read_folder(root: Path) -> Folder:
    """Finds the pictures of a folder; UserError when it can't be a data set.

    Hidden files and folders are passed over; files that are no pictures by their ending are counted as ignored. Class
    folders are searched to any depth; one that holds train/ and test/ is a data set itself.
    """
    if not root.is_dir():
        raise UserError(f"{root}: there is no such folder; expected DIR/LABEL/… or DIR/{{train,test}}/LABEL/…")
    children = _folders(root)
    splits = [name for name in SPLITS if root / name in children]
    inner = [child for child in children if all((child / split).is_dir() for split in SPLITS)]
    if inner and not splits:
        raise UserError(f"{root}: {inner[0].name}/ holds train/ and test/, this is a level too high; give {inner[0]}")
    files: list[File] = []
    ignored = 0
    for split in splits or (None,):
        for label_folder in _folders(root / split if split else root):
            found, others = _pictures_below(label_folder)
            ignored += others
            files += [File(path, label_folder.name, split) for path in found]
    if not files:
        raise UserError(
            f"{root}: no pictures in it ({ignored} other files); expected DIR/LABEL/… or DIR/{{train,test}}/LABEL/…"
            f" with {', '.join(sorted(suffix[1:] for suffix in pictures.SUFFIXES))}"
        )
    labels = tuple(sorted({file.label for file in files}))
    if len(labels) < 2:
        raise UserError(f"{root}: only one class ({labels[0]!r}) has pictures, expected a folder each for two or more")
    for split in splits:
        present = {file.label for file in files if file.split == split}
        if missing := [label for label in labels if label not in present]:
            raise UserError(f"{root}: the class {missing[0]!r} has no pictures in {split}/; expected every class there")
    return Folder(root, labels, tuple(files), ignored, _unread(root, splits))


def _folders(root: Path) -> list[Path]:
    return sorted(path for path in root.iterdir() if path.is_dir() and not path.name.startswith("."))


def _unread(root: Path, splits: Sequence[str]) -> tuple[str, ...]:
    """Folders beside train/ and test/, and pictures beside the class folders."""
    found = [f"{child.name}/" for child in _folders(root) if splits and child.name not in splits]
    for place in (root, *(root / split for split in splits)):
        names = [path.name for path in place.iterdir() if path.is_file() and path.suffix.lower() in pictures.SUFFIXES]
        if loose := sum(not name.startswith(".") for name in names):
            found.append(f"{loose} pictures right in {place.name}/")
    return tuple(found)


def _pictures_below(folder: Path) -> tuple[list[Path], int]:
    found, others = [], 0
    for path in sorted(folder.rglob("*")):
        if path.is_dir() or any(part.startswith(".") for part in path.relative_to(folder).parts):
            continue
        if path.suffix.lower() in pictures.SUFFIXES:
            found.append(path)
        else:
            others += 1
    return found, others


def content_hash(data: bytes) -> str:
    """What a picture is recognized by in another folder: SHA-256 of the file's bytes (of the pixels, in named data)."""
    return hashlib.sha256(data).hexdigest()


def cache_root() -> Path:
    return Path(os.environ.get("FRAMELITE_CACHE") or Path.home() / ".cache/framelite")


@dataclass(frozen=True)
class Cache:
    """A picture cache on disk: the same pictures at the same size that the network was trained on."""

    path: Path
    name: str
    fingerprint: str
    labels: tuple[str, ...]
    size: Size
    fit: str
    index: Mapping[str, Any]

    def pictures(self, split: str) -> npt.NDArray[np.uint8]:
        """n x height x width x 3, memory-mapped."""
        array: npt.NDArray[np.uint8] = np.load(self.path / f"{split}.npy", mmap_mode="r")
        return array

    def targets(self, split: str) -> npt.NDArray[np.int64]:
        """The index of each picture's label."""
        return np.asarray(self.index["splits"][split]["targets"], np.int64)

    def hashes(self, split: str) -> list[str]:
        return list(self.index["splits"][split]["hashes"])


def cache_folder(name: str, fingerprint: str, size: Size, fit: str) -> Path:
    return cache_root() / f"{name}-{fingerprint}-{size[0]}x{size[1]}-{fit}"


def open_cache(path: Path) -> Cache | None:
    """The cache in a folder; None where it isn't there or was not finished (index.json is written last)."""
    try:
        index = json.loads((path / INDEX).read_bytes())
        size = int(index["height"]), int(index["width"])
        cache = Cache(path, index["name"], index["fingerprint"], tuple(index["labels"]), size, index["fit"], index)
        for split in SPLITS:
            if cache.pictures(split).shape != (len(cache.targets(split)), *size, 3):
                return None
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return cache


def find_cache(name: str, size: Size, fit: str, fingerprint: str | None = None) -> Cache | None:
    """The newest finished cache of a data set at a size, or the one with that fingerprint."""
    wanted = glob.escape(str(fingerprint)) if fingerprint else "*"
    pattern = f"{glob.escape(name)}-{wanted}-{size[0]}x{size[1]}-{fit}"
    found = [cache for path in cache_root().glob(pattern) if (cache := open_cache(path)) and cache.name == name]
    return max(found, key=lambda cache: (cache.path / INDEX).stat().st_mtime, default=None)


@dataclass(frozen=True)
class Labelled:
    """Pictures at a network's size with the index of their label among the model's labels.

    sources: rows of a cache (an array), or picture files that are read when their turn comes. hashes: of the
    rows of a cache, their content hashes. rows: which of the sources count, where not all do.
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

    def hash_of(self, i: int) -> str:
        """The content hash of picture i, by which it is known to other models too."""
        source = self._source(i)
        return content_hash(source.read_bytes()) if isinstance(source, Path) else self.hashes[i]

    def picture(self, i: int) -> Picture:
        """Picture i: of the network's size from a cache, of its own size from a file."""
        source = self._source(i)
        return pictures.read(source) if isinstance(source, Path) else np.asarray(source)

    def _source(self, i: int) -> Path | npt.NDArray[np.uint8]:
        return self.sources[i if self.rows is None else int(self.rows[i])]


def labelled(
    data: str, labels: tuple[str, ...], size: Size, fit: str, fingerprint: str | None = None, split: str = "test"
) -> Labelled:
    """The test pictures of a data set by name (from the cache) or of a folder (as it is), with a model's labels.

    A folder without test/ counts whole. `fingerprint` is that of the data the model was trained on (its card has it):
    pictures of a folder whose content hash is among the training pictures of that data are left out and counted.
    UserError for a label that the model doesn't know, or a cache that isn't there.
    """
    if Path(data).is_dir() or "/" in data or data in (".", ".."):
        return _labelled_folder(Path(data), labels, fingerprint, split)
    return labelled_cache(data, labels, size, fit, fingerprint, split)


def labelled_cache(
    name: str, labels: tuple[str, ...], size: Size, fit: str, fingerprint: str | None = None, split: str = "test"
) -> Labelled:
    """As `labelled`, by name alone: the cache the model was trained on, else the newest of that name."""
    cache = (fingerprint and find_cache(name, size, fit, fingerprint)) or find_cache(name, size, fit)
    if not cache:
        raise UserError(
            f"the data {name!r} is neither a folder nor in the cache at {size[0]}x{size[1]} {fit}; make it with:"
            f" python -m train data {name} --size {size[0]}x{size[1]}" + ("" if fit == "crop" else f" --fit {fit}")
        )
    targets = match_labels(cache.labels, labels, name)[cache.targets(split)]
    # Another cache of that name may be another split of the same pictures.
    trained_on = frozenset() if cache.fingerprint == fingerprint else training_hashes(fingerprint)
    hashes = cache.hashes(split)
    rows = np.array([i for i, digest in enumerate(hashes) if digest not in trained_on], np.int64)
    if len(rows) == len(targets):
        return Labelled(labels, cache.pictures(split), targets, split, 0, hashes)
    if not len(rows):
        raise UserError(f"{name}: all {len(targets)} pictures are among the model's training pictures; give others")
    left = [hashes[i] for i in rows]
    return Labelled(labels, cache.pictures(split), targets[rows], split, len(targets) - len(rows), left, rows)


def match_labels(theirs: Sequence[str], ours: Sequence[str], data: str) -> npt.NDArray[np.int64]:
    """For each label of the data its index among the model's; UserError for one that the model doesn't know."""
    if unknown := [label for label in theirs if label not in ours]:
        known = ", ".join(ours[:5]) + (f" … ({len(ours)})" if len(ours) > 5 else "")
        raise UserError(f"{data}: the model doesn't know the label {unknown[0]!r}; it knows {known}")
    return np.array([list(ours).index(label) for label in theirs], np.int64)


def _labelled_folder(root: Path, labels: tuple[str, ...], fingerprint: str | None, split: str) -> Labelled:
    folder = read_folder(root)
    files = folder.split(split) if folder.has_splits else list(folder.files)
    if not files:
        raise UserError(f"{root}: no pictures in {split}/; expected {root}/{split}/LABEL/…")
    places = dict(zip(folder.labels, match_labels(folder.labels, labels, str(root)), strict=True))
    trained_on = training_hashes(fingerprint)
    kept = [file for file in files if not trained_on or content_hash(file.path.read_bytes()) not in trained_on]
    if not kept:
        raise UserError(f"{root}: all {len(files)} pictures are among the model's training pictures; give others")
    targets = np.array([places[file.label] for file in kept], np.int64)
    return Labelled(labels, [file.path for file in kept], targets, split, len(files) - len(kept))


def training_hashes(fingerprint: str | None) -> frozenset[str]:
    """Content hashes of the training pictures of a data set, where its cache lies on this machine; else empty."""
    if not fingerprint:
        return frozenset()
    for path in cache_root().glob(f"*-{glob.escape(str(fingerprint))}-*"):
        if cache := open_cache(path):
            return frozenset(cache.hashes("train"))
    return frozenset()
