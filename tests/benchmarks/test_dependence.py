"""Bartels' test against every permutation, and how often it sees rounds that follow one another."""

from itertools import permutations

import numpy as np
import pytest

from benchmarks.gate import dependence
from benchmarks.statistics.stats import Interval
from experiments.gate_simulation import deviations


def test_the_score_is_what_is_computed_by_hand() -> None:
    """Ranks 1 2 3 4: their differences squared are 3 in all, those from their mean 5."""
    variance = 4 * 2 * (80 - 8 - 9) / (5 * 4 * 5 * 9)
    assert dependence.score([0.1, 0.2, 0.7, 3.0]) == pytest.approx((3 / 5 - 2) / variance**0.5)
    assert dependence.score([3.0, 0.7, 0.2, 0.1]) == dependence.score([0.1, 0.2, 0.7, 3.0])


def test_beside_every_order_of_seven() -> None:
    """Where every order is as likely as any other, the score is 0 in the mean and spread by 1."""
    scores = [dependence.score(order) for order in permutations(range(7))]
    assert np.mean(scores) == pytest.approx(0, abs=1e-9)
    assert np.var(scores) == pytest.approx(1)


def test_values_that_jump_and_values_that_climb() -> None:
    assert dependence.score([1, 9, 2, 8, 3, 7, 4, 6]) > 1
    assert dependence.score([1, 2, 3, 4, 6, 7, 8, 9]) == dependence.score([9, 8, 7, 6, 4, 3, 2, 1]) < -2


@pytest.mark.parametrize("values", [[], [1.0], [1.0, 2.0], [1.0] * 10])
def test_too_little_to_see_anything(values: list[float]) -> None:
    assert dependence.score(values) == 0


def test_equal_values_share_their_rank() -> None:
    """As a coarse clock makes them: their order in the list says nothing."""
    assert dependence.score([1, 1, 2, 2]) == dependence.score([2, 2, 1, 1])
    assert dependence.score([1, 2, 1, 2]) == dependence.score([2, 1, 2, 1]) > 0


@pytest.mark.parametrize(
    ("noise", "least", "most"),
    [("normal", 0.06, 0.14), ("heavy-tailed", 0.06, 0.14), ("AR(1) 0.5", 0.5, 1.0), ("AR(1) 0.8", 0.85, 1.0)],
)
def test_how_often_it_is_seen(noise: str, least: float, most: float) -> None:
    """In twenty rounds; one in ten independent series is called dependent, by design."""
    series = deviations(noise, 0.01, 500, np.random.default_rng(1))[..., 0]
    assert least < np.mean([dependence.score(each) < dependence.SUSPICIOUS for each in series]) < most


def test_three_times_as_wide() -> None:
    found = dependence.wider(Interval(0.98, 1.0, 1.01))
    assert (found.low, found.middle, found.high) == (pytest.approx(0.98**3), 1.0, pytest.approx(1.01**3))
    two = dependence.wider(Interval(1.96, 2.0, 2.02))
    assert two.low == pytest.approx(2 * 0.98**3)
