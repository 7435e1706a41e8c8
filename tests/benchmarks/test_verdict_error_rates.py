"""How often a gate's answer is wrong, on thousands of gates with drawn noise."""

from collections import Counter

import numpy as np
import pytest

from benchmarks.gate import verdict
from benchmarks.gate.pairs import Round
from tests.benchmarks.gated import series

# Rounds that fit into the twenty seconds of a gate.
MOST_ROUNDS = 20


def simulated(count: int, true: float, limit: float, noise: float, seed: int = 1) -> Counter[str]:
    """Answers of whole gates, which end when they are certain; each series of each round is off by some noise."""
    dice, answers = np.random.default_rng(seed), Counter[str]()
    for _ in range(count):
        taken: list[Round] = []
        for base, again, candidate in 8 * np.exp(dice.normal(0, noise, (MOST_ROUNDS, 3))):
            taken.append(Round(series(base), series(again), series(true * candidate)))
            if len(taken) >= 8 and verdict.is_certain(taken, 1, limit):
                break
        answers[verdict.judge(taken, 1, limit).answer] += 1
    return answers


@pytest.mark.long
@pytest.mark.parametrize(("limit", "count"), [(0.05, 1200), (0.02, 800)])
def test_false_alarms(limit: float, count: int) -> None:
    answers = simulated(count, 1.0, limit, 0.01)
    assert answers["regression"] == 0
    assert answers["can't tell"] <= 0.04 * count


@pytest.mark.parametrize(("true", "limit"), [(1.08, 0.05), (1.05, 0.02)])
def test_what_is_really_slower_is_caught(true: float, limit: float) -> None:
    answers = simulated(300, true, limit, 0.01)
    assert answers["regression"] >= 295
    assert answers["no regression"] == 0


def test_a_noisy_machine_says_less_and_nothing_wrong() -> None:
    """3 % from round to round, half as much again as the limit."""
    itself, slower = simulated(80, 1.0, 0.02, 0.03), simulated(80, 1.05, 0.02, 0.03)
    assert itself["regression"] == slower["no regression"] == 0
    assert itself["no regression"] >= 40 and slower["regression"] >= 60  # the floor isn't asked to be below the limit


def test_at_the_very_limit_neither_answer_is_common() -> None:
    """Every look is a chance to be wrong: all of them together are to stay near the 2.5 % of one side."""
    answers = simulated(150, 1.05, 0.05, 0.01)
    assert answers["regression"] <= 9 and answers["no regression"] <= 9
