"""Order statistics of latency samples, and intervals over processes.

docs/benchmarks.md shows the effect of one outlier of eight processes: it hardly moves the estimate, but one bound far.
"""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from math import exp, log
from typing import Any

import numpy as np
import numpy.typing as npt

# With fewer samples less than ten are above their 99th percentile, so one or two disturbances decide it.
FEWEST_FOR_P99 = 1_000


@dataclass(frozen=True)
class Interval:
    """An estimate between its bounds."""

    low: float
    middle: float
    high: float

    def __str__(self) -> str:
        """1.084 (1.081-1.089)"""
        return f"{self.middle:.3f} ({self.low:.3f}-{self.high:.3f})"

    @property
    def bounds(self) -> tuple[float, float, float]:
        """low, middle, high, for result documents."""
        return self.low, self.middle, self.high

    @property
    def half_width(self) -> float:
        return (self.high - self.low) / 2


def percentile(samples: Sequence[float] | npt.NDArray[Any], q: float) -> float:
    """The q-th percentile, 0..100, by linear interpolation between the two nearest samples (numpy's default)."""
    return float(np.percentile(np.asarray(samples), q))


def p99(samples: Sequence[float] | npt.NDArray[Any]) -> float | None:
    """The 99th percentile; None for fewer than FEWEST_FOR_P99 samples."""
    return percentile(samples, 99) if len(samples) >= FEWEST_FOR_P99 else None


def center(values: Sequence[float], confidence: float = 0.95) -> Interval | None:
    """The Hodges-Lehmann estimate with its exact interval.

    The median of all pairs' means, with the interval of Wilcoxon's signed-rank test (Hollander, Wolfe and Chicken,
    Nonparametric Statistical Methods, 3.2-3.3). None for fewer than `fewest` values.

    The estimate is robust while fewer than 29 % of the values are outliers (its breakdown point). The interval is not:
    for eight values its bounds are the fourth lowest and the fourth highest of the pairs' means, and an outlier is in
    eight of these. So it moves the bound on its side by half of its own distance.
    """
    count = len(values)
    rank = critical_rank(count, (1 - confidence) / 2)
    if rank == 0:
        return None
    numbers = np.asarray(values, np.float64)
    first, second = _pairs(count)
    means = np.sort((numbers[first] + numbers[second]) / 2)
    middle = (means[(len(means) - 1) // 2] + means[len(means) // 2]) / 2
    return Interval(float(means[rank - 1]), float(middle), float(means[-rank]))


@cache
def fewest(confidence: float = 0.95) -> int:
    """The least number of values of which `center` has an interval of that confidence: 6 for 95 %, 8 for 99 %."""
    return next(number for number in itertools.count(1) if critical_rank(number, (1 - confidence) / 2))


@cache
def _pairs(count: int) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """The indices of all pairs, including each with itself."""
    first, second = np.triu_indices(count)
    return first, second


@cache
def critical_rank(count: int, tail: float) -> int:
    """The largest C with P(W < C) <= tail, where W is Wilcoxon's signed-rank sum of `count` values."""
    ways = np.ones(1)
    for rank in range(1, count + 1):
        longer = np.zeros(len(ways) + rank)
        longer[: len(ways)] += ways
        longer[rank:] += ways
        ways = longer
    return int(np.searchsorted(np.cumsum(ways) / 2.0**count, tail, side="right"))


def geometric_center(values: Sequence[float], confidence: float = 0.95) -> Interval | None:
    """`center` of positive numbers by their logarithms: of times and ratios.

    None also where one is 0: a time below the clock's resolution.
    """
    if 0 in values:
        return None
    logs = center([log(value) for value in values], confidence)
    return None if logs is None else Interval(exp(logs.low), exp(logs.middle), exp(logs.high))
