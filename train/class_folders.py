"""What a folder of class folders must be to be trained on, and what its cache is called."""

import re
from pathlib import Path

from device.card import CardError, check_labels
from device.errors import UserError
from device.folders import Folder
from train import named_data, pet_images


def check(folder: Folder) -> None:
    """What a card would refuse after the training is refused before it."""
    try:
        check_labels(folder.labels)
    except CardError as error:
        raise UserError(f"{folder.root}: {error}; rename the class folder") from None
    seen: dict[str, str] = {}
    for label in folder.labels:
        try:
            label.encode()
        except UnicodeEncodeError:
            raise UserError(f"{folder.root}: the class folder's name {label!r} is not UTF-8; rename it") from None
        other = seen.setdefault(label.casefold(), label)
        if other != label:  # mostly one class that was filled twice; on some file systems the two are one folder
            raise UserError(f"{folder.root}: classes {other!r} and {label!r} differ only in case; rename or merge them")


def cache_name(root: Path) -> str:
    """The folder's name as a cache's; never that of a data set that has a name, whose cache is found by it."""
    name = re.sub(r"[^A-Za-z0-9_.-]+", "_", root.name).strip(".") or "pictures"
    return f"{name}_folder" if name in named_data.PLACES or pet_images.is_name(name) else name
