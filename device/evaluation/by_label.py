"""What one figure for all labels hides: the worst label, and labels that a second model loses beyond chance.

Twenty images of a rare label are 0.2 points of ten thousand, so a label can vanish within any drop that is allowed.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Protocol

import numpy as np
import numpy.typing as npt

from device import text
from device.evaluation.evaluate import LabelTopOne
from device.evaluation.paired import Paired, is_within

UNEVEN = 1.5
# The probability that chance alone names any label, over all labels together (Bonferroni).
SIGNIFICANCE = 0.01
# Columns beside an accuracy, if the labels are uneven.
HEADER = ("balanced", "worst label")


def is_uneven(counts: Iterable[int]) -> bool:
    """Whether the largest class has more than `UNEVEN` times the images of the smallest that has any."""
    there = [count for count in counts if count]
    return max(there) > UNEVEN * min(there)


class LabelRecalls(Protocol):
    """Accuracies by label; None if nothing was measured."""

    @property
    def balanced(self) -> float | None: ...
    @property
    def worst_label(self) -> LabelTopOne | None: ...
    @property
    def per_class(self) -> Sequence[LabelTopOne] | None: ...


def worst(classes: Sequence[LabelTopOne]) -> LabelTopOne:
    """The label with the lowest recall; if several have it, the one with the most images."""
    return min(classes, key=lambda row: (row.top1, -row.n))


def cells(row: LabelRecalls) -> tuple[str, str]:
    """The cells of the columns of HEADER."""
    label = row.worst_label
    if label is None:
        return "-", "-"
    return text.percent(row.balanced), f"{label.label} {text.percent(label.top1)} (n {label.n})"


def are_uneven(rows: Iterable[LabelRecalls]) -> bool:
    """Whether the labels of any row are uneven."""
    return any(is_uneven(each.n for each in row.per_class) for row in rows if row.per_class)


@dataclass(frozen=True)
class PairedLabel:
    """Two models on the n images of one label; first and second: their recalls, 0..1.

    lost, won: images that only the first, or only the second, gets right. p: the probability of such a loss or a
    greater one by chance (McNemar's exact test, one-sided). at_least: the loss that is certain (0.01: one point): the
    lower end of Bonett and Price's interval, one-sided, with Bonferroni's correction.
    """

    label: str
    n: int
    first: float
    second: float
    lost: int
    won: int
    p: float
    at_least: float

    def said(self) -> str:
        """'label cat: 20 of 20 images lost'"""
        return f"label {self.label}: {self.lost} of {self.n} images lost{f', {self.won} won' if self.won else ''}"


@dataclass(frozen=True)
class ByLabel:
    """Two models on the same images, label by label; balanced: of the first and the second, the mean of their recalls.

    worst: the label with the second's lowest recall; if several have it, the one that lost the most. beyond_chance:
    labels whose loss chance doesn't explain, the least probable first. vanished: other labels that lost more than one
    image and that the second never gets right.
    """

    balanced: tuple[float, float]
    uneven: bool
    worst: PairedLabel
    beyond_chance: tuple[PairedLabel, ...]
    vanished: tuple[PairedLabel, ...]


def compare(
    first: npt.NDArray[np.bool_], second: npt.NDArray[np.bool_], targets: npt.NDArray[np.int64], labels: Sequence[str]
) -> ByLabel:
    """first and second: whether each model is right about each image; targets: the places of their labels in `labels`.

    A label's loss is beyond chance where its p is at most SIGNIFICANCE divided by the number of labels that have
    images; then no more than one in a hundred equal models has any such label, however many labels there are.
    """
    rows = paired(first, second, targets, labels)
    level = SIGNIFICANCE / len(rows)
    beyond = sorted((row for row in rows if row.p <= level), key=lambda row: row.p)
    return ByLabel(
        balanced=(float(np.mean([row.first for row in rows])), float(np.mean([row.second for row in rows]))),
        uneven=is_uneven(row.n for row in rows),
        worst=min(rows, key=lambda row: (row.second, -row.first, -row.n)),
        beyond_chance=tuple(beyond),
        vanished=tuple(row for row in rows if row.second == 0 and row.lost > 1 and row not in beyond),
    )


def paired(
    first: npt.NDArray[np.bool_], second: npt.NDArray[np.bool_], targets: npt.NDArray[np.int64], labels: Sequence[str]
) -> list[PairedLabel]:
    """A row for each label that has images. The arguments are those of `compare`."""
    counts, recalled, again, lost, won = (
        np.bincount(targets, weights=weights, minlength=len(labels))
        for weights in (np.ones(len(targets)), first, second, first & ~second, second & ~first)
    )
    there = [int(i) for i in np.flatnonzero(counts)]
    z = NormalDist().inv_cdf(1 - SIGNIFICANCE / len(there))
    rows = []
    for i in there:
        pairs = Paired(int(counts[i]), int(lost[i]), int(won[i]))
        recalls = float(recalled[i] / pairs.n), float(again[i] / pairs.n)
        rows.append(PairedLabel(labels[i], pairs.n, *recalls, pairs.lost, pairs.won, pairs.p_lost, pairs.bounds(z)[0]))
    return rows


def is_allowed(pairs: Paired, found: ByLabel | None, most: float) -> bool | None:
    """Whether the second certainly loses at most `most` (0.01 for one point); None if that can't be told.

    The rule of the gate and of an export's limit. A label's loss beyond chance that is certainly more is too much,
    whatever is lost over all: a rare label's images are too few to show there.
    """
    return False if losses(found, most) else is_within(pairs.interval, most)


def losses(found: ByLabel | None, most: float) -> str:
    """The labels whose loss chance doesn't explain and is certainly above `most`, in words; '' if there are none."""
    beyond = [row for row in found.beyond_chance if row.at_least > most] if found else []
    return text.some([_beyond_chance(row) for row in beyond], between="; ")


def remarks(found: ByLabel, most: float = math.inf) -> list[str]:
    """The labels that lost beyond chance or vanished, without those of `losses`, in words."""
    return [
        *(_beyond_chance(row) for row in found.beyond_chance if row.at_least <= most),
        *(f"{row.said()}; it is never right any more" for row in found.vanished),
    ]


def _beyond_chance(row: PairedLabel) -> str:
    return f"{row.said()}, beyond chance"
