"""Whether each round follows from the one before: then an interval over rounds is too narrow. Pure; no clocks.

Intervals over rounds take them to be independent. They aren't where something changes slowly: a clock that rises, a
neighbor who stays for several rounds. That is a machine's fault, and seen in the rounds themselves.
"""

from collections.abc import Sequence
from math import sqrt

import numpy as np

from benchmarks.statistics.stats import Interval

# In standard deviations below what independent rounds have. At the end of a gate: one in ten of them are there by
# chance. Before its time: one in two. Those it costs rounds and precision only; fewer would leave more dependent ones
# unnoticed, of which there are few rounds to see it by (experiments/gate_simulation.py).
SUSPICIOUS, EARLY_SUSPICIOUS = -1.282, 0.0
# Rounds of which each has 0.8 of the one before have an interval that should be so much wider: the root of
# (1 + 0.8) / (1 - 0.8), the ratio of variances of a mean of an AR(1) process (Bartlett, 1935).
WIDER = 3.0


def score(values: Sequence[float]) -> float:
    """Bartels' rank version of von Neumann's ratio, in standard deviations: 0 for independent values, below for
    values that are near the one before, above for values that jump. 0 for fewer than three, or for equal ones.

    Sum of squared differences of neighboring ranks to the ranks' sum of squares: 2 in the mean. R. Bartels, "The Rank
    Version of von Neumann's Ratio Test for Randomness", Journal of the American Statistical Association 77 (1982),
    40-46; its normal approximation. Ranks, so that a few odd rounds don't hide it; equal values share theirs.
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
    """Of a ratio: WIDER times as far to either side, by its logarithm."""
    low, high = (interval.middle * (bound / interval.middle) ** WIDER for bound in (interval.low, interval.high))
    return Interval(low, interval.middle, high)
