"""Class folders: finds the classes of a folder, their labels, and the image files of each.

    DIR/LABEL/…                               one level
    DIR/{train,validation,test}/LABEL/…       splits, under any of their usual names (device/data/splits.py)

Refuses and names whatever is ambiguous or may not be what the user meant. docs/training.md explains the rules.
"""

import unicodedata
from dataclasses import dataclass
from pathlib import Path

from device.data import nesting, walk
from device.data.passed_over import PassedOver, Reason, Why
from device.data.splits import Split, check_filled, find_splits, listed
from device.data.walk import Identity, Walk
from device.errors import UserError

MERGE = "rename or merge them"
EXPECTED = "expected DIR/LABEL/… or DIR/{train,test}/LABEL/…"


@dataclass(frozen=True)
class File:
    """One image file of a class folder. split: None in a folder without splits."""

    path: Path
    label: str
    split: Split | None


@dataclass(frozen=True)
class Folder:
    """A folder of class folders: labels in order of name, files by split and in order of path.

    splits: the actual names of the split folders; {} if there are none.
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
        """One line on what was skipped; '' if nothing was."""
        return f"{self.root}: passed over: {self.passed_over.describe()}" if self.passed_over else ""


def label_of(name: str) -> str:
    """A class folder's name as a label: in NFC, as keyboards write, without outer spaces."""
    return unicodedata.normalize("NFC", name).strip()


@dataclass(frozen=True)
class ClassFolder:
    """One class folder with its contents."""

    path: Path
    split: Split | None
    images: tuple[Path, ...]
    passed_over: PassedOver

    @property
    def label(self) -> str:
        return label_of(self.path.name)

    @property
    def place(self) -> str:
        """' in train/' for messages; '' without splits."""
        return f" in {self.path.parent.name}/" if self.split else ""


def read_folder(root: Path) -> Folder:
    """Finds the classes of a folder and their images; UserError if it isn't a usable data set."""
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
    """The folders inside one, without links back to it or to its parents."""
    above = {walk.identity(path) for path in (place, *place.resolve().parents)}
    return [folder for folder in walk.folders_in(place) if walk.identity(folder) not in above]


def _read_classes(root: Path, folders: list[Path], split: Split | None) -> list[ClassFolder]:
    """Reads the class folders of one split; a folder that two of them link to belongs to the first."""
    places: dict[Identity, Path] = {}
    for folder in folders:
        other = places.setdefault(walk.identity(folder), folder)
        if other is not folder:
            raise UserError(
                f"{root}: the class folders {other.name}/ and {folder.name}/ link to the same folder, expected one for"
                " each class; remove one of the links"
            )
    entered = {*places, *(walk.identity(path) for path in (root, *root.resolve().parents))}
    found = []
    for folder in folders:
        images = Walk(folder, entered=entered)
        found.append(ClassFolder(folder, split, tuple(images), images.passed_over))
    return found


def _loose(place: Path) -> PassedOver:
    """Files directly in a folder of class folders, where images have no class."""
    files = Walk(place, deep=False)
    images = sum(1 for _ in files)
    counts = {reason: count for reason, count in files.passed_over.counts.items() if reason.why != Why.FOLDER}
    loose = {Reason(Why.LOOSE, f"directly in {place.name}/"): images} if images else {}
    return PassedOver({**counts, **loose})


def _check_spellings(root: Path, folders: list[Path]) -> None:
    """Refuses two spellings of one name: most often that is one class in two folders."""
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
    """UserError if there is no image at all, or a class folder has none; names it, and what is there instead."""
    if not any(one.images for one in classes):
        others = total.count(Why.OTHER, Why.VIDEO, Why.UNDECODABLE)
        seen = f"; passed over: {total.describe()}" if total else ""
        above = ""
        if total.count(Why.LOOSE) and not classes:
            above = (
                f"; images directly in it have no class; if it is a class folder itself, give {root.resolve().parent}"
            )
        raise UserError(f"{root}: no images ({others} other files); {EXPECTED} with images{above}{seen}")
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
    """UserError for a single class, or for a class that is missing in a split."""
    if len(labels) < 2:
        inner = walk.folders_in(classes[0].path)
        hint = f"; {classes[0].path.name}/ holds {listed(inner)}: give {classes[0].path}" if len(inner) > 1 else ""
        raise UserError(f"{root}: only one class ({labels[0]!r}) has images, expected two or more, a folder each{hint}")
    for place in dict.fromkeys(one.place for one in classes):
        present = {one.label for one in classes if one.place == place}
        if missing := [label for label in labels if label not in present]:
            raise UserError(f"{root}: the class {missing[0]!r} has no images{place}; expected every class there")
