"""What a folder of class folders must be to be trained on, and what its cache is called."""

import re
import unicodedata
from pathlib import Path

from device.data.folders import Folder
from device.errors import UserError
from device.model.card import CardError, check_labels
from train.datasets import named_data, pet_images


def check(folder: Folder) -> None:
    """What a card would refuse after the training is refused before it."""
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
    """UserError for splits that nothing can be trained on, or nothing can be told by."""
    if not folder.has_splits:
        return
    if "train" not in folder.splits:
        there = ", ".join(f"{name}/" for name in folder.splits.values())
        raise UserError(f"{folder.root}: there are no images in train/, only {there}; expected train/ beside it")
    if len(folder.splits) == 1:
        raise UserError(
            f"{folder.root}: there are no images in test/; expected train/ and test/ (or validation/), or neither:"
            f" the class folders right in {folder.root}"
        )


def notes(folder: Folder) -> list[str]:
    """What is worth knowing of a folder before it is used: what was passed over, and what its splits are used for."""
    said = [folder.note] if folder.note else []
    if "validation" in folder.splits:
        cut = "" if "test" in folder.splits else f"; the test's are cut from {folder.splits['train']}/, by seed"
        said.append(f"{folder.root}: the images of {folder.splits['validation']}/ are used for validation{cut}")
    return said


def cache_name(root: Path) -> str:
    """The folder's name as a file's, in any script; never that of a data set that has a name.

    The cache of such a set is found by its name.
    """
    name = re.sub(r"[^\w.-]+", "_", unicodedata.normalize("NFC", root.name)).strip("._") or "images"
    return f"{name}_folder" if name in named_data.PLACES or pet_images.is_name(name) else name
