"""The rules for repeated images, before splitting:

- Under two labels: left out of everything, because it is unknown which one is right.
- Also in an earlier split (train, then validation, then test): left out of the later one.
- Twice in the test: counted once, so that n is the number of distinct images.
- Twice within train or validation: both stay, and no split separates them.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from device import command
from device.data import copies
from device.data.cache_index import CopyCounts
from device.data.copies import Mask, Numbers
from device.data.folders import File, Folder
from device.errors import UserError

PARTS = ("train", "validation", "test")
TRAIN, VALIDATION, TEST = range(3)
TO_CUT = -1  # train or test, by the seed
MOST = 0.01  # more copies than that are an error in the data, not a stray file


@dataclass(frozen=True)
class HashedImages:
    """All images of a data set, before anything is left out.

    data: its name in messages. names, hashes, targets: of each image. parts: each image's split as a number, or TO_CUT.
    labels: by target.
    """

    data: str
    names: Sequence[str]
    hashes: Sequence[str]
    targets: Numbers
    parts: Numbers
    labels: Sequence[str]


def images_of(folder: Folder, hashes: Mapping[Path, str]) -> HashedImages:
    """Of a folder, in the order of its files; hashes: of each file, "" for one that can't be read."""
    targets = {label: i for i, label in enumerate(folder.labels)}
    return HashedImages(
        str(folder.root),
        # pathlib's relative_to takes ten times as long.
        [str(file.path).removeprefix(f"{folder.root}/") for file in folder.files],
        [hashes[file.path] for file in folder.files],
        np.array([targets[file.label] for file in folder.files], np.int64),
        np.array([_given_part(folder, file) for file in folder.files], np.int64),
        folder.labels,
    )


def _given_part(folder: Folder, file: File) -> int:
    """Without test/ the test is taken from everything but validation."""
    if file.split is None or (file.split == "train" and "test" not in folder.splits):
        return TO_CUT
    return PARTS.index(file.split)


@dataclass(frozen=True)
class Separated:
    """The rows that each split keeps, in order, by name; and the numbers of copies."""

    rows: dict[str, Numbers]
    counts: CopyCounts


Cut = Callable[[Numbers, Numbers], Numbers]


def separate(images: HashedImages, cut: Cut, allow: bool) -> Separated:
    """The images that each split keeps.

    cut: maps (targets, groups) of images to the rows for the test. Prints notes. Unless `allow`, UserError if images
    under two labels are more than 1 % of all, or these and images of an earlier split more than 1 % of the test. Always
    UserError if a class has no image left in train or test.
    """
    groups = copies.groups_of(images.hashes)
    doubtful = copies.under_two_labels(groups, images.targets)
    problems = [problem] if (problem := copies.two_labels(images.names, groups, images.targets)) else []
    if not allow:
        _check(images, problems, doubtful.sum() / len(groups), "all images")
    parts = _parts(images, groups, doubtful, cut, problems)
    across, repeated = np.zeros((2, len(groups)), np.bool_)
    across[~doubtful] = copies.of_an_earlier_part(groups[~doubtful], parts[~doubtful])
    left = ~doubtful & ~across
    repeated[left] = copies.repeated(groups[left])
    tested = parts == TEST
    problems += _across(images, groups, across)
    if not allow:
        _check(images, problems, (tested & ~left).sum() / max(1, tested.sum()), "the test")
    for line in [f"{problem}; left out" for problem in problems] + _repeated(images, groups, repeated):
        command.say(f"note: {images.data}: {line}")
    left &= ~(repeated & tested)
    rows = {name: np.flatnonzero(left & (parts == number)) for number, name in enumerate(PARTS)}
    _check_classes(images, rows, bool(tested.any()))
    masks = doubtful, across, repeated & tested, repeated & ~tested
    return Separated(rows, CopyCounts(*(int(mask.sum()) for mask in masks)))


def _parts(images: HashedImages, groups: Numbers, doubtful: Mask, cut: Cut, problems: list[str]) -> Numbers:
    """The split of each image: the given one, or by `cut`. Skips doubtful images."""
    parts = images.parts.copy()
    rows = np.flatnonzero((parts == TO_CUT) & ~doubtful)
    if len(rows):
        parts[rows] = TRAIN
        try:
            parts[rows[cut(images.targets[rows], groups[rows])]] = TEST
        except UserError as error:
            raise UserError("; ".join([f"{images.data}: {error}", *problems])) from None
    return parts


def _across(images: HashedImages, groups: Numbers, across: Mask) -> list[str]:
    pairs = copies.pairs(images.names, groups, across)
    return [f"{across.sum()} images of test or validation are in an earlier part too ({pairs})"] if across.any() else []


def _repeated(images: HashedImages, groups: Numbers, repeated: Mask) -> list[str]:
    pairs = copies.pairs(images.names, groups, repeated)
    rule = "copies stay on one side of every split, and the test counts an image once"
    return [f"{repeated.sum()} images are copies of others ({pairs}); {rule}"] if repeated.any() else []


def _check(images: HashedImages, problems: list[str], share: float, whole: str) -> None:
    if share > MOST:
        raise UserError(
            f"{images.data}: {'; '.join(problems)}: {share:.1%} of {whole}, expected {MOST:.0%} at most;"
            " fix the data, or accept this with --allow-copies"
        )


def _check_classes(images: HashedImages, rows: dict[str, Numbers], has_test: bool) -> None:
    """Checks only for the effect of copies: unreadable images are reported when they are decoded."""
    for part in ("train", "test") if has_test else ("train",):
        present = set(images.targets[rows[part]].tolist())
        if gone := [label for target, label in enumerate(images.labels) if target not in present]:
            raise UserError(
                f"{images.data}: without copies and images under two labels none of {gone[0]!r} is left for {part};"
                " expected one or more; add images, or remove the class"
            )
