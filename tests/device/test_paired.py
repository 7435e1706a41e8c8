"""Two models on the same images: counts, the interval by hand, and the exact test against scipy's."""

import numpy as np
import pytest
from scipy.stats import binomtest

from device.evaluation.paired import Paired, is_within


def test_counts() -> None:
    first, second = np.array([1, 1, 0, 0, 1], bool), np.array([1, 0, 1, 0, 0], bool)
    found = Paired.of(first, second)
    assert found == Paired(n=5, lost=2, won=1)
    assert found.drop == pytest.approx(0.2)


def test_the_interval_by_hand() -> None:
    """fell 9/102, rose 3/102; half 1.959964 sqrt((12/102 - (6/102)^2) / 102)."""
    assert Paired(100, 8, 2).interval == pytest.approx((0.058824 - 0.065573, 0.058824 + 0.065573), abs=1e-5)


def test_two_that_never_differ_may_still() -> None:
    """Wald's interval would have no width, and say so of a single image."""
    low, high = Paired(30, 0, 0).interval
    assert -low == high == pytest.approx(0.086621, abs=1e-5)


def test_a_gain_is_a_negative_drop() -> None:
    assert Paired(4, 0, 2).drop == -0.5


@pytest.mark.parametrize(("low", "high", "within"), [(-0.02, 0.01, True), (0.01, 0.02, None), (0.0101, 0.02, False)])
def test_a_limit_is_kept_where_the_whole_interval_keeps_it(low: float, high: float, within: bool | None) -> None:
    assert is_within((low, high), 0.01) is within


@pytest.mark.parametrize("won", [0, 1, 7, 30, 400])
@pytest.mark.parametrize("lost", [0, 1, 5, 29, 100])
def test_p_is_scipys_binomial_test(won: int, lost: int) -> None:
    expected = binomtest(won, won + lost, 0.5).pvalue if won + lost else 1.0
    assert Paired(500, lost, won).p == pytest.approx(expected, rel=1e-9)
    greater = binomtest(lost, won + lost, 0.5, alternative="greater").pvalue if won + lost else 1.0
    assert Paired(500, lost, won).p_lost == pytest.approx(greater, rel=1e-9)


def test_p_of_very_many_images() -> None:
    """Of so many that the ways to split them are no floating-point number."""
    assert Paired(100_000, 10_100, 10_000).p_lost == pytest.approx(0.2425, abs=1e-3)
