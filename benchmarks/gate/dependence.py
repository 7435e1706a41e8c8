"""Tests whether rounds depend on their predecessors, which makes an interval over rounds too narrow. Pure; no clocks.

Intervals over rounds assume independent rounds. They aren't if something changes slowly: a rising clock, or a neighbor
process that stays for several rounds. That is a fault of the machine, and shows in the rounds themselves.
"""

from collections.abc import Sequence
from math import sqrt

import numpy as np

from benchmarks.statistics.stats import Interval

# In standard deviations below independent rounds. At the end of a gate, one in ten independent series is below by
# chance; before the end, one in two. That costs only rounds and precision, while a stricter limit would miss more
# dependent series, since there are few rounds (experiments/gate_simulation.py).
SUSPICIOUS, EARLY_SUSPICIOUS = -1.282, 0.0
# If each round keeps 0.8 of the previous one, the interval should be so much wider: the root of (1 + 0.8) / (1 - 0.8),
# the ratio of variances of a mean of an AR(1) process (Bartlett, 1935).
WIDER = 3.0


def score(values: Sequence[float]) -> float:
    """Bartels' rank version of von Neumann's ratio, in standard deviations: 0 for independent values, negative for
    values close to their predecessors, positive for values that jump. 0 for fewer than three, or for equal ones.

    The sum of squared differences of successive ranks to the ranks' sum of squares: 2 on average. R. Bartels, "The Rank
    Version of von Neumann's Ratio Test for Randomness", Journal of the American Statistical Association 77 (1982),
    40-46; its normal approximation. It uses ranks so that a few outliers don't hide dependence; equal values share a
    rank.
    """
    n = len(values)
    if n < 3:
        return 0.0
    _, place, counts = np.unique(np.asarray(values, np.float64), return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[place]
    off, steps = ranks - (n + 1) / 2, ranks[1:] - ranks[:-1]
    spread = float(off @ off)
    if spread == 0:
        return 0.0
    ratio = float(steps @ steps) / spread
    variance = 4 * (n - 2) * (5 * n**2 - 2 * n - 9) / (5 * n * (n + 1) * (n - 1) ** 2)
    return (ratio - 2) / sqrt(variance)


def wider(interval: Interval) -> Interval:
    """A ratio's interval, WIDER times as wide in logarithms."""
    low, high = (interval.middle * (bound / interval.middle) ** WIDER for bound in (interval.low, interval.high))
    return Interval(low, interval.middle, high)
