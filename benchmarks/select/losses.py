"""The accuracy that each of several files loses to the most accurate one, with confidence intervals.

The best one is chosen on the same images. So the intervals hold jointly: with 95 % the differences of all pairs of
files are inside theirs (Bonferroni), whichever file is the best.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from itertools import combinations
from math import hypot, sqrt
from statistics import NormalDist
from typing import Literal

import numpy as np

from benchmarks.gate.drop import Right
from benchmarks.statistics.stats import Interval
from device.errors import UserError
from device.evaluation.evaluate import wilson
from device.evaluation.paired import Paired, is_within

Standing = Literal["best", "within", "can't tell", "beyond"]
STANDINGS: dict[bool | None, Standing] = {True: "within", False: "beyond", None: "can't tell"}
CONFIDENCE = 0.95
NORMAL = NormalDist()


@dataclass(frozen=True)
class Known:
    """A file's accuracy, 0..1, on n images. right: its correct predictions, None if unknown."""

    top1: float
    n: int
    right: Right | None = None


@dataclass(frozen=True)
class Loss:
    """points: accuracy lost to the best, 0.01 for one point; None for the best itself.

    standing: whether that is certainly within the limit, certainly beyond it, or neither.
    """

    standing: Standing
    points: Interval | None


@dataclass(frozen=True)
class Losses:
    """By the files' names. paired: all have known predictions on the same images.

    flattery: a bound of how much the chosen file's accuracy on these images is too high on average, 0.01 for one point.
    """

    of: dict[str, Loss]
    best: str
    paired: bool
    flattery: float


def judge(files: Mapping[str, Known], most: float) -> Losses:
    """files: one or more. most: 0.01 lets a file lose one point. UserError if a pair has no image in common.

    Paired: Bonett and Price's interval of the difference. Else Newcombe's, of the two shares' Wilson intervals (R. G.
    Newcombe, Statistics in Medicine 17, 1998, method 10), which is wider where files are right about the same images.
    """
    pairs = list(combinations(files, 2))
    z = NORMAL.inv_cdf(1 - (1 - CONFIDENCE) / (2 * max(1, len(pairs))))
    best = max(files, key=lambda name: files[name].top1)
    found = {best: Loss("best", None)}
    for name in files:
        if name != best:
            points = _lost(files[best], files[name], z)
            found[name] = Loss(STANDINGS[is_within((points.low, points.high), most)], points)
    error = max((_lost(files[a], files[b], z).half_width / z for a, b in pairs), default=0.0)
    paired = all(known.right is not None for known in files.values())
    return Losses({name: found[name] for name in files}, best, paired, error / sqrt(2) * highest_of(len(files)))


def _lost(first: Known, second: Known, z: float) -> Interval:
    """What the second loses to the first."""
    if first.right is not None and second.right is not None:
        both = list(filter(second.right.__contains__, first.right))
        if not both:
            raise UserError("two of the files have no images in common; give files for one task")
        ours, theirs = (
            np.fromiter(map(right.__getitem__, both), bool, len(both)) for right in (first.right, second.right)
        )
        pair = Paired.of(ours, theirs)
        low, high = pair.bounds(z)
        return Interval(low, pair.drop, high)
    (low, high), (their_low, their_high) = (wilson(round(each.top1 * each.n), each.n, z) for each in (first, second))
    lost = first.top1 - second.top1
    return Interval(
        lost - hypot(first.top1 - low, their_high - second.top1),
        lost,
        lost + hypot(high - first.top1, second.top1 - their_low),
    )


@cache
def highest_of(count: int) -> float:
    """The mean of the highest of so many independent standard normal numbers (0; 0.56; 0.85; 1.03 …).

    Times the largest standard error of a difference over the square root of two it bounds what the highest of several
    accuracies is too high by: among normal errors whose differences vary no more, the maximum of independent ones is
    the highest (Sudakov and Fernique's inequality; R. A. Vitale, Proc. American Mathematical Society 128, 2000).
    """
    middles = np.arange(-8, 8, 0.01) + 0.005
    below = np.array([NORMAL.cdf(middle) for middle in middles]) ** count
    return float(((middles > 0) - below).sum() * 0.01)
