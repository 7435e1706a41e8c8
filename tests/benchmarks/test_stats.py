"""Order statistics by hand, and the Hodges-Lehmann interval beside SciPy's signed-rank test and on seeded samples."""

import itertools
import random
import statistics
from math import log

import numpy as np
import pytest
from scipy.stats import wilcoxon

from benchmarks.statistics import stats
from benchmarks.statistics.stats import Interval


@pytest.mark.parametrize(
    ("samples", "q", "value"),
    [
        ([5.0], 50, 5.0),
        ([1.0, 3.0], 50, 2.0),
        ([3.0, 1.0, 2.0], 50, 2.0),
        ([1.0, 2.0, 3.0, 4.0, 5.0], 90, 4.6),
        ([*map(float, range(101))], 99, 99.0),
        ([1.0, 1.0, 1.0, 100.0], 50, 1.0),
        ([0.0, 10.0], 0, 0.0),
        ([0.0, 10.0], 100, 10.0),
    ],
)
def test_percentiles_lie_between_samples(samples: list[float], q: float, value: float) -> None:
    assert stats.percentile(samples, q) == pytest.approx(value)


def test_many_samples_beside_the_standard_library() -> None:
    dice = random.Random(1)
    samples = [dice.expovariate(1) for _ in range(1001)]
    quantiles = statistics.quantiles(samples, n=100, method="inclusive")
    for q in (50, 90, 99):
        assert stats.percentile(samples, q) == pytest.approx(quantiles[q - 1], abs=1e-12)


# The center and its interval.


def center(values: list[float], confidence: float = 0.95) -> Interval:
    found = stats.center(values, confidence)
    assert found is not None
    return found


def test_six_values_by_hand() -> None:
    """With six the interval reaches from the lowest to the highest: 2 of 64 orders of signs are as far out."""
    assert stats.center([3.0, 1.0, 2.0, 10.0, 4.0, 5.0]) == Interval(1.0, 3.5, 10.0)
    assert Interval(1.0, 3.5, 10.0).half_width == 4.5


@pytest.mark.parametrize(("confidence", "fewest"), [(0.9, 5), (0.95, 6), (0.98, 7), (0.99, 8)])
def test_too_few_values_say_nothing(confidence: float, fewest: int) -> None:
    assert stats.fewest(confidence) == fewest
    assert all(stats.center([1.0] * count, confidence) is None for count in range(fewest))
    assert center([1.0] * fewest, confidence) == Interval(1.0, 1.0, 1.0)


@pytest.mark.parametrize("confidence", [0.95, 0.99])
@pytest.mark.parametrize("count", range(6, 13))
def test_the_interval_holds_what_the_signed_rank_test_does_not_reject(count: int, confidence: float) -> None:
    """The test is the oracle: just inside the bounds it accepts the value as the middle, just outside it doesn't."""
    values = list(np.random.default_rng(count).standard_t(3, count))
    if (found := stats.center(values, confidence)) is None:
        assert 2 / 2**count > 1 - confidence
        return

    def is_rejected(middle: float) -> bool:
        return bool(wilcoxon(np.array(values) - middle, method="exact").pvalue <= 1 - confidence)

    tiny = 1e-9
    assert is_rejected(found.low - tiny) and is_rejected(found.high + tiny)
    assert not is_rejected(found.low + tiny) and not is_rejected(found.high - tiny)
    assert found.low < found.middle < found.high


def test_the_middle_is_the_median_of_all_pairs_means() -> None:
    values = list(np.random.default_rng(1).normal(5, 2, 9))
    means = [(a + b) / 2 for a, b in itertools.combinations_with_replacement(values, 2)]
    assert center(values).middle == pytest.approx(statistics.median(means))


@pytest.mark.parametrize(("count", "exact"), [(6, 1 - 2 / 64), (8, 1 - 2 * 5 / 256), (12, 1 - 2 * 87 / 4096)])
def test_as_many_intervals_hold_the_truth_as_they_promise(count: int, exact: float) -> None:
    """exact: by counting the orders of signs whose rank sum is below the critical one (0; 3; 13)."""
    assert exact >= 0.95
    samples = 7 + np.random.default_rng(3).laplace(size=(5000, count))
    held = np.mean([found.low <= 7 <= found.high for found in (center(list(row)) for row in samples)])
    assert held == pytest.approx(exact, abs=0.01)


def test_two_odd_values_of_eight_leave_the_estimate_among_the_others() -> None:
    """The mean would be at 258; one bound is pulled along."""
    calm, odd = (
        center([1.0, 1.1, 0.9, 1.05, 0.95, 1.02, 0.98, 1.0]),
        center([1.0, 1.1, 0.9, 1.05, 0.95, 1.02, 1e3, 1e3]),
    )
    assert calm.middle == pytest.approx(1, abs=0.01)
    assert odd.middle < 1.1 and odd.low < 1.1 and odd.high >= 500


@pytest.mark.parametrize("off", [2.0, 100.0])
def test_one_odd_value_of_eight_takes_a_bound_half_its_way_along(off: float) -> None:
    """As the docstring says: the upper bound is the mean of the odd one and the third highest of the others."""
    others = [0.94, 0.96, 0.98, 1.0, 1.02, 1.04, 1.06]
    calm, odd = center([*others, 1.0]), center([*others, off])
    assert odd.high == pytest.approx((off + 1.02) / 2)
    assert 0.94 < odd.low < 1 < odd.middle < 1.03
    assert calm.low == pytest.approx(odd.low, abs=0.02)


def test_ratios_by_their_logarithms() -> None:
    ratios = [1.0, 1.1, 0.9, 1.3, 1.05, 1.2, 0.95]
    found, turned = stats.geometric_center(ratios), stats.geometric_center([1 / ratio for ratio in ratios])
    logs = center([log(ratio) for ratio in ratios])
    assert found is not None and turned is not None
    assert [log(value) for value in (found.low, found.middle, found.high)] == pytest.approx(
        [logs.low, logs.middle, logs.high]
    )
    # Which of two is the base makes no difference.
    assert [1 / turned.high, 1 / turned.middle, 1 / turned.low] == pytest.approx([found.low, found.middle, found.high])
    assert stats.geometric_center(ratios[:5]) is None
    # A time below the clock's resolution has no logarithm.
    assert stats.geometric_center([*ratios, 0.0]) is None
