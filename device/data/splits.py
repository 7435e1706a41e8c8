"""Recognizes split folders by the names that Keras, PyTorch, Kaggle, Roboflow, YOLO and fastai use."""

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Literal

from device import text
from device.data import walk
from device.errors import UserError

Split = Literal["train", "validation", "test"]

NAMES: dict[str, Split] = {
    **dict.fromkeys(("train", "training", "trn"), "train"),
    **dict.fromkeys(("val", "valid", "validation", "validate", "dev"), "validation"),
    **dict.fromkeys(("test", "testing", "tst", "eval", "evaluation", "holdout"), "test"),
}
ORDER: tuple[Split, ...] = ("train", "validation", "test")
# training_set, test-images, 'Train data', seg_train (Kaggle's Intel scenes)
AFFIXES = re.compile(r"^seg[ _-]|[ _-]?(set|data|dataset|images|imgs|folder|split)$")


def split_of(name: str) -> Split | None:
    """The split that a folder name means, in upper or lower case; None for other names."""
    return NAMES.get(AFFIXES.sub("", name.strip().casefold()))


def find_splits(root: Path) -> tuple[dict[Split, Path], list[Path]]:
    """The split folders of a root in the order train, validation, test ({} if there are none), and other folders.

    Folders are splits if they contain class folders and nothing else is there, or if there is a training split and
    another one, and the rest can't be classes. A class called 'train' contains images itself, next to other classes.
    UserError if it is ambiguous, or two folders mean the same split.
    """
    folders = walk.folders_in(root)
    named = [folder for folder in folders if split_of(folder.name)]
    beside = [folder for folder in folders if not split_of(folder.name)]
    if not named or (beside and all(map(walk.has_images, named))):
        return {}, []
    found = _by_split(root, named)
    if beside and (len(found) < 2 or "train" not in found or _may_be_classes(found, beside)):
        raise UserError(
            f"{root}: {listed(named)} {'is a split' if len(named) == 1 else 'are splits'} by name, and next to"
            f" {'it' if len(named) == 1 else 'them'} is {listed(beside)}; expected only splits (train/ and test/ or"
            " validation/, each with every class folder) or only class folders; move one kind away"
        )
    return found, beside


def listed(folders: Iterable[Path], most: int = 4) -> str:
    """'train/, test/ …'"""
    return text.some([f"{folder.name}/" for folder in folders], most)


def _by_split(root: Path, named: list[Path]) -> dict[Split, Path]:
    found: dict[Split, Path] = {}
    for split in ORDER:
        mine = [folder for folder in named if split_of(folder.name) == split]
        if len(mine) > 1:
            raise UserError(f"{root}: {listed(mine)} all mean the split {split}, expected one; merge or rename them")
        found.update(dict.fromkeys([split], mine[0]) if mine else {})
    return found


def check_filled(root: Path, found: dict[Split, Path]) -> None:
    """UserError for a split that contains images but no class folders."""
    for folder in found.values():
        if not walk.folders_in(folder) and walk.has_images(folder):
            raise UserError(
                f"{root}: {folder.name}/ is a split by its name, but contains images and no class folders; expected"
                f" {folder}/LABEL/…; sort the images into class folders, or rename {folder.name}/ if it is a class"
            )


def _may_be_classes(found: dict[Split, Path], beside: list[Path]) -> bool:
    """Whether a folder next to the splits is named like a class in them, or a split has no class folders."""
    inside = [{folder.name.strip().casefold() for folder in walk.folders_in(split)} for split in found.values()]
    return not all(inside) or any(folder.name.strip().casefold() in names for folder in beside for names in inside)
