"""Class folders: which folders are the classes, under which labels, and the image files of each.

    DIR/LABEL/…                               one level
    DIR/{train,validation,test}/LABEL/…       by split, under any of their usual names (device/data/splits.py)

What can't be told, or would make another data set than was meant, is refused and named; the rules for people are in
docs/training.md.
"""

import unicodedata
from dataclasses import dataclass
from pathlib import Path

from device.data import nesting, walk
from device.data.passed_over import PassedOver, Reason, Why
from device.data.splits import Split, check_filled, find_splits, said
from device.data.walk import Identity, Walk
from device.errors import UserError

MERGE = "rename or merge them"
EXPECTED = "expected DIR/LABEL/… or DIR/{train,test}/LABEL/…"


@dataclass(frozen=True)
class File:
    """One image file of a class folder. split is None in a folder of one level."""

    path: Path
    label: str
    split: Split | None


@dataclass(frozen=True)
class Folder:
    """A folder of class folders as it lies there: labels in order of name, files by split and in order of path.

    splits: the names of the split folders as they are written there; {} in a folder of one level.
    """

    root: Path
    labels: tuple[str, ...]
    files: tuple[File, ...]
    passed_over: PassedOver
    splits: dict[Split, str]

    def split(self, name: str) -> list[File]:
        return [file for file in self.files if file.split == name]

    @property
    def has_splits(self) -> bool:
        return bool(self.splits)

    @property
    def note(self) -> str:
        """What was passed over, as one line; '' for nothing."""
        return f"{self.root}: passed over: {self.passed_over.describe()}" if self.passed_over else ""


def label_of(name: str) -> str:
    """A class folder's name as a label: NFC, in which keyboards write, without outer spaces."""
    return unicodedata.normalize("NFC", name).strip()


@dataclass(frozen=True)
class ClassFolder:
    """One class folder with what was found in it."""

    path: Path
    split: Split | None
    images: tuple[Path, ...]
    passed_over: PassedOver

    @property
    def label(self) -> str:
        return label_of(self.path.name)

    @property
    def place(self) -> str:
        """' in train/' for messages, '' in a folder of one level."""
        return f" in {self.path.parent.name}/" if self.split else ""


def read_folder(root: Path) -> Folder:
    """Finds the classes of a folder and their images; UserError when it can't be a data set."""
    if not root.is_dir():
        raise UserError(f"{root}: there is no such folder; {EXPECTED}")
    splits, beside = find_splits(root)
    check_filled(root, splits)
    places: dict[Split | None, Path] = dict(splits.items()) if splits else {None: root}
    found = {split: _folders(place) for split, place in places.items()}
    for folders in found.values():
        nesting.check(root, folders)
    _check_spellings(root, [folder for folders in found.values() for folder in folders])
    classes = [one for split, folders in found.items() for one in _read_classes(root, folders, split)]
    passed = [one.passed_over for one in classes]
    passed += [_loose(place) for place in dict.fromkeys((root, *places.values()))]
    passed.append(PassedOver({Reason(Why.BESIDE, f"{folder.name}/"): 1 for folder in beside}))
    loops = sum(len(walk.folders_in(place)) - len(found[split]) for split, place in places.items())
    passed.append(PassedOver({Reason(Why.TWICE, "folders"): loops} if loops else {}))
    total = PassedOver.sum(passed)
    _check_filled(root, classes, total)
    labels = tuple(sorted({one.label for one in classes}))
    _check_complete(root, classes, labels)
    files = tuple(File(path, one.label, one.split) for one in classes for path in one.images)
    return Folder(root, labels, files, total, {split: path.name for split, path in splits.items()})


def _folders(place: Path) -> list[Path]:
    """The folders in one, without links that lead back to it or to what lies above it."""
    above = {walk.identity(path) for path in (place, *place.resolve().parents)}
    return [folder for folder in walk.folders_in(place) if walk.identity(folder) not in above]


def _read_classes(root: Path, folders: list[Path], split: Split | None) -> list[ClassFolder]:
    """Each class folder of one split; a folder that links lead to from two of them belongs to the first."""
    places: dict[Identity, Path] = {}
    for folder in folders:
        other = places.setdefault(walk.identity(folder), folder)
        if other is not folder:
            raise UserError(
                f"{root}: the class folders {other.name}/ and {folder.name}/ are one folder by links, expected one for"
                " each class; remove one of the links"
            )
    entered = {*places, *(walk.identity(path) for path in (root, *root.resolve().parents))}
    found = []
    for folder in folders:
        images = Walk(folder, entered=entered)
        found.append(ClassFolder(folder, split, tuple(images), images.passed_over))
    return found


def _loose(place: Path) -> PassedOver:
    """What lies right in a folder that holds class folders, where images have no class."""
    files = Walk(place, deep=False)
    images = sum(1 for _ in files)
    counts = {reason: count for reason, count in files.passed_over.counts.items() if reason.why != Why.FOLDER}
    loose = {Reason(Why.LOOSE, f"right in {place.name}/"): images} if images else {}
    return PassedOver({**counts, **loose})


def _check_spellings(root: Path, folders: list[Path]) -> None:
    """One class is one name: two spellings of it are mostly one class that was filled twice."""
    seen: dict[str, Path] = {}
    for folder in folders:
        other = seen.setdefault(_key(folder.name), folder)
        if other is folder or (label_of(other.name) == label_of(folder.name) and other.parent != folder.parent):
            continue
        first, second = other.name, folder.name
        how = "in case"
        if unicodedata.normalize("NFC", first) == unicodedata.normalize("NFC", second):
            how = "in how accents are encoded (Unicode NFC and NFD)"
            raise UserError(f"{root}: classes {first!a} and {second!a} differ only {how}; {MERGE}")
        if " ".join(first.split()) == " ".join(second.split()):
            how = "in spaces"
        raise UserError(f"{root}: classes {first!r} and {second!r} differ only {how}; {MERGE}")


def _key(name: str) -> str:
    folded = unicodedata.normalize("NFC", label_of(name).casefold())
    return " ".join(folded.split())


def _check_filled(root: Path, classes: list[ClassFolder], total: PassedOver) -> None:
    """UserError where no image is there at all, or a class folder has none; by name, with what lies there instead."""
    if not any(one.images for one in classes):
        others = total.count(Why.OTHER, Why.VIDEO, Why.UNDECODABLE)
        seen = f"; passed over: {total.describe()}" if total else ""
        above = ""
        if total.count(Why.LOOSE) and not classes:
            above = (
                f"; images right in it have no class: is it a class folder itself? then give {root.resolve().parent}"
            )
        raise UserError(f"{root}: no images in it ({others} other files); {EXPECTED} with images{above}{seen}")
    labels = {one.label for one in classes if one.images}
    for one in classes:
        if not one.images:
            there = one.passed_over.describe() or "the folder is empty"
            alone = f"only one class ({min(labels)!r}) has images, " if len(labels) == 1 else ""
            raise UserError(
                f"{root}: {alone}the class {one.label!r} has no usable images{one.place} ({there}); expected some in"
                f" every class folder; put some there, or move {one.path} away"
            )


def _check_complete(root: Path, classes: list[ClassFolder], labels: tuple[str, ...]) -> None:
    """UserError for a single class, or a class that isn't in every split."""
    if len(labels) < 2:
        inner = walk.folders_in(classes[0].path)
        hint = f"; {classes[0].path.name}/ holds {said(inner)}: give {classes[0].path}" if len(inner) > 1 else ""
        raise UserError(
            f"{root}: only one class ({labels[0]!r}) has images, expected a folder each for two or more{hint}"
        )
    for place in dict.fromkeys(one.place for one in classes):
        present = {one.label for one in classes if one.place == place}
        if missing := [label for label in labels if label not in present]:
            raise UserError(f"{root}: the class {missing[0]!r} has no images{place}; expected every class there")
