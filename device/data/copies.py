"""Finds images that are there more than once, by their content hashes.

Works on group numbers: the images of a group are the same image, and belong on one side of every split. Coarser groups
(all images of a capture session) work the same way.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from device import command, text
from device.errors import UserError

Numbers = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]
NAMED = 3


def groups_of(hashes: Sequence[str]) -> Numbers:
    """The group number of each image: equal for equal hashes, counted from 0 in order of first appearance.

    An empty hash means an unreadable file, which is no copy of another.
    """
    numbers: dict[str | int, int] = {}
    return np.array([numbers.setdefault(known or i, len(numbers)) for i, known in enumerate(hashes)], np.int64)


def under_two_labels(groups: Numbers, targets: Numbers) -> Mask:
    """True for each image whose group has more than one label. targets: the label of each image, as a number."""
    return np.not_equal(_lowest(groups, targets), -_lowest(groups, -targets))


def of_an_earlier_part(groups: Numbers, parts: Numbers) -> Mask:
    """True for each image whose group is also in a lower-numbered part. parts: the number of each image's part."""
    return np.greater(parts, _lowest(groups, parts))


def repeated(groups: Numbers) -> Mask:
    """True for each image of a group but the first."""
    mask = np.ones(len(groups), np.bool_)
    mask[np.unique(groups, return_index=True)[1]] = False
    return mask


def first_of(groups: Numbers) -> Numbers:
    """For each image the index of its group's first one."""
    return _lowest(groups, np.arange(len(groups)))


def pairs(names: Sequence[str], groups: Numbers, mask: Mask) -> str:
    """The first images of a mask, each with the first file of the same image: 'a/1.png = b/1.png …'."""
    first = first_of(groups)
    rows = np.flatnonzero(mask & (first != np.arange(len(first)))).tolist()
    return text.some([f"{names[first[row]]} = {names[row]}" for row in rows], NAMED)


def two_labels(names: Sequence[str], groups: Numbers, targets: Numbers) -> str:
    """A phrase on images under two labels: how many, and the first of them; "" if there are none."""
    doubtful = under_two_labels(groups, targets)
    other = doubtful & (targets != targets[first_of(groups)])
    return f"{doubtful.sum()} images are under two labels ({pairs(names, groups, other)})" if other.any() else ""


def to_measure(
    data: str, names: Sequence[str], hashes: Sequence[str], targets: Numbers, trained_on: frozenset[str]
) -> Numbers:
    """The rows of labeled images to measure a model on, in order.

    Leaves out training images (trained_on: their hashes), images under two labels, and repeated images, and prints
    notes on them. UserError if nothing is left.
    """
    groups = groups_of(hashes)
    trained = np.array([known in trained_on for known in hashes], np.bool_)
    if trained.all():
        raise UserError(f"{data}: all {len(names)} images are among the model's training images; give others")
    doubtful = under_two_labels(groups, targets)
    again = repeated(groups) & ~trained & ~doubtful
    if problem := two_labels(names, groups, targets):
        command.say_once(f"note: {data}: {problem}; left out")
    if again.any():
        found = pairs(names, groups, again)
        command.say_once(f"note: {data}: {again.sum()} images are copies of others ({found}); each image counts once")
    rows = np.flatnonzero(~trained & ~doubtful & ~again)
    if not len(rows):
        raise UserError(
            f"{data}: every image is a training image or is under two labels; give others, or fix the labels"
        )
    return rows


def _lowest(groups: Numbers, values: Numbers) -> Numbers:
    """For each image the lowest value within its group."""
    if not len(groups):
        return np.zeros(0, np.int64)
    lowest = np.full(int(groups.max()) + 1, np.iinfo(np.int64).max)
    np.minimum.at(lowest, groups, values)
    return np.asarray(lowest[groups], np.int64)
