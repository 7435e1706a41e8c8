"""Detects class folders that are a level too high or too low, by what is inside them."""

from pathlib import Path

from device.data import walk
from device.data.splits import ORDER, listed, split_of
from device.errors import UserError


def check(root: Path, classes: list[Path]) -> None:
    """UserError if the class folders of a root contain splits, or all contain the same folders."""
    inside = {folder: walk.folders_in(folder) for folder in classes}
    for folder, inner in inside.items():
        _refuse_splits(root, folder, inner)
    _refuse_same(root, inside)


def _refuse_splits(root: Path, folder: Path, inner: list[Path]) -> None:
    """A class folder with a training split and another split in it is a data set, or has the levels swapped."""
    roles = {split: path for path in inner if (split := split_of(path.name))}
    splits = [roles[split] for split in ORDER if split in roles]
    if "train" not in roles or len(roles) < 2:
        return
    holds = f"{root}: {folder.name}/ holds {' and '.join(f'{path.name}/' for path in splits)}"
    if any(walk.folders_in(path) for path in splits):
        raise UserError(f"{holds}, so this is a level too high; give {folder}")
    raise UserError(
        f"{holds}, with images and no class folders in them; expected the splits above the classes:"
        f" {root / splits[0].name / folder.name}/…; move them, or give these folders other names"
    )


def _refuse_same(root: Path, inside: dict[Path, list[Path]]) -> None:
    """Refuses two or more folders that recur in every class folder, if no class folder has images itself.

    That is how sites, cameras, folds and years above the classes look, or images beside their masks. A single folder in
    every class (LABEL/images/…), or folders that differ from class to class, are fine.
    """
    if len(inside) < 2:
        return
    names = [{path.name.strip().casefold() for path in inner} for inner in inside.values()]
    shared = set.intersection(*names)
    if len(shared) < 2 or any(map(walk.has_images, inside)):
        return
    first, inner = next(iter(inside.items()))
    same = [path for path in inner if path.name.strip().casefold() in shared]
    raise UserError(
        f"{root}: every class folder ({listed(inside)}) contains the same folders {listed(same)}. If those are the"
        f" classes, this is a level too high: give {first}, or put the images of each class into one folder. If"
        f" {listed(inside)} are the classes, put the images of each into one folder, or give the folders"
        " inside different names"
    )
