"""Checks a folder of class folders before training, and names its cache."""

import re
import unicodedata
from pathlib import Path

from device.data.folders import Folder
from device.errors import UserError
from device.model.card import CardError, check_labels
from train.datasets import named_data, pet_images


def check(folder: Folder) -> None:
    """Raises UserError before training for labels that a card would refuse after it."""
    for label in folder.labels:
        try:
            label.encode()
        except UnicodeEncodeError:
            raise UserError(f"{folder.root}: the class folder's name {label!r} is not UTF-8; rename it") from None
    try:
        check_labels(folder.labels)
    except CardError as error:
        raise UserError(f"{folder.root}: {error}; rename the class folder") from None


def check_splits(folder: Folder) -> None:
    """UserError for splits without training images, or without any to judge by."""
    if not folder.has_splits:
        return
    if "train" not in folder.splits:
        there = ", ".join(f"{name}/" for name in folder.splits.values())
        raise UserError(f"{folder.root}: no images in train/, only in {there}; expected train/ too; add it")
    if len(folder.splits) == 1:
        raise UserError(
            f"{folder.root}: no images in test/; expected train/ and test/ (or validation/), or neither: the class"
            f" folders directly in {folder.root}"
        )


def notes(folder: Folder) -> list[str]:
    """Notes on a folder: what was skipped, and how its splits are used."""
    found = [folder.note] if folder.note else []
    if "validation" in folder.splits:
        cut = "" if "test" in folder.splits else f"; those of the test come from {folder.splits['train']}/, by seed"
        found.append(f"{folder.root}: the images of {folder.splits['validation']}/ are used for validation{cut}")
    return found


def is_data_set(name: str) -> bool:
    """Whether it is the name of a data set that we know where to find."""
    return name in named_data.PLACES or pet_images.is_name(name)


def cache_name(root: Path) -> str:
    """The folder's name as a file name, in any script; never the name of a named data set.

    The cache of a named data set is found by its name.
    """
    name = re.sub(r"[^\w.-]+", "_", unicodedata.normalize("NFC", root.name)).strip("._") or "images"
    return f"{name}_folder" if is_data_set(name) else name
