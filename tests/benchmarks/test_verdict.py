"""What rounds of base and candidate say, on rounds made by hand."""

from dataclasses import replace

import numpy as np
import pytest

from benchmarks.gate import verdict
from benchmarks.gate.pairs import Round
from benchmarks.statistics.stats import Interval
from tests.benchmarks.gated import QUIET, rounds, series
from tests.device.refusals import says


@pytest.mark.parametrize(
    ("slower", "limit", "answer"),
    [
        (1.08, 0.05, "regression"),
        (1.05, 0.02, "regression"),
        (3.0, 0.05, "regression"),
        (1.0, 0.05, "no regression"),
        (1.0, 0.02, "no regression"),
        (1.04, 0.05, "no regression"),
        (0.1, 0.05, "no regression"),
        (1.05, 0.05, "can't tell"),  # the limit lies in the interval
        (1.02, 0.02, "can't tell"),
    ],
)
def test_the_interval_against_the_limit(slower: float, limit: float, answer: str) -> None:
    found = verdict.judge(rounds(slower), 1, limit)
    assert (found.answer, found.rounds, found.clock, found.taken) == (answer, 10, "wall", 0.0)
    assert found.ratio is not None and found.floor is not None
    assert found.ratio.low <= slower <= found.ratio.high
    assert found.ratio.middle == pytest.approx(slower, rel=0.003)
    assert found.floor.low <= 1 <= found.floor.high


def test_rounds_without_any_noise() -> None:
    """A limit that is met exactly is neither broken nor kept."""
    still = (1.0,)
    assert verdict.judge(rounds(1.05, noise=still), 1, 0.05 + 1e-9).answer == "no regression"
    assert verdict.judge(rounds(1.05, noise=still), 1, 0.05 - 1e-9).answer == "regression"
    found = verdict.judge([Round(series(8), series(8), series(8))] * 6, 1, 0.05)
    assert found.ratio == found.floor == Interval(1, 1, 1)


def test_both_lanes_of_the_base_count() -> None:
    found = verdict.judge(rounds(1.0, noise=(1.0,), again=1.21), 1, 0.05)
    assert found.ratio is not None and found.floor is not None
    assert (found.ratio.middle, found.floor.middle) == (pytest.approx(1 / 1.1), pytest.approx(1.21))


def test_p95_in_place_of_the_median() -> None:
    long_tail = [replace(each, candidate=replace(each.candidate, wall_p95=20.0)) for each in rounds(1.0, noise=(1.0,))]
    found = verdict.ratio(long_tail, "wall", 0.95, verdict.p95)
    assert found is not None and found.middle == pytest.approx(20 / (1.2 * 8))


# A machine that puts the base from itself.


@pytest.mark.parametrize("again", [1.05, 1 / 1.05])
@pytest.mark.parametrize(
    ("slower", "answer"), [(1.13, "regression"), (1.07, "can't tell"), (1.02, "can't tell"), (0.98, "no regression")]
)
def test_what_the_base_differs_from_itself_is_asked_on_top(again: float, slower: float, answer: str) -> None:
    """The base's second series takes 5 % more or less than its first, in every round."""
    candidate = slower * again**0.5
    assert verdict.judge(rounds(candidate, again=again), 1, 0.05).answer == answer
    assert verdict.judge(rounds(slower), 1, 0.05).answer == ("regression" if slower > 1.05 else "no regression")


def test_a_huge_difference_is_told_on_the_noisiest_machine() -> None:
    wild = (1.0, 1.5, 0.7, 1.2, 0.9, 1.3, 0.8)
    for slower, answer in ((80, "regression"), (1 / 80, "no regression"), (1.05, "can't tell")):
        found = verdict.judge(rounds(slower, 14, wild), 1, 0.05)
        assert found.answer == answer
    assert "differs from itself" in found.reason


def test_noise_that_the_candidate_does_not_show_is_no_reason_to_say_nothing() -> None:
    """One of the base's series is fast where the other is slow, as when they share a cache."""
    swings = (1.1, 1.08, 0.9, 0.93, 1.05, 0.95, 1.09, 0.91, 1.07)
    taken = [Round(series(8 * a), series(8 / a), series(8.7 * b)) for a, b in zip(swings, QUIET, strict=True)]
    assert verdict.judge(taken, 1, 0.05).answer == "regression"


# Too few.


def test_no_round_at_all() -> None:
    found = verdict.judge([], 1, 0.05)
    assert (found.answer, found.ratio, found.floor, found.rounds) == ("can't tell", None, None, 0)
    assert "no round" in found.reason


def test_too_few_rounds() -> None:
    found = verdict.judge(rounds(3.0, 5), 1, 0.05)
    assert (found.answer, found.ratio, found.floor) == ("can't tell", None, None)
    says(found.reason, "rounds (5)", "--seconds")
    assert verdict.judge(rounds(3.0, 6), 1, 0.05).answer == "regression"


def test_a_gate_ends_before_its_time_when_it_is_certain() -> None:
    for slower in (1.0, 1.08):
        assert not verdict.is_certain(rounds(slower, 9), 1, 0.05)  # 99.8 % takes ten
        assert verdict.is_certain(rounds(slower, 10), 1, 0.05)
    assert not verdict.is_certain(rounds(1.05, 20), 1, 0.05)
    assert not verdict.is_certain([], 1, 0.05)


def test_more_is_asked_of_an_early_end() -> None:
    """One of ten rounds says otherwise: enough at the end, not before."""
    taken = [*rounds(1.08, 9), *rounds(1.04, 1)]
    assert verdict.judge(taken, 1, 0.05).answer == "regression"
    assert not verdict.is_certain(taken, 1, 0.05)


# Whose time.

ALONE, SHARED = series(8.0, 7.99), series(16.0, 8.0)
WAITING = series(16.0, 8.0, waits=100)
TICKING = series(16.0, 8.0, step_ms=4.0)


@pytest.mark.parametrize(
    ("base", "candidate", "threads", "clock"),
    [
        (ALONE, ALONE, 1, "wall"),
        (SHARED, SHARED, 1, "cpu"),
        (SHARED, SHARED, 2, "wall"),  # other threads' time is nowhere
        (ALONE, SHARED, 1, "cpu"),
        (SHARED, series(16.0, 8.0, waits=5), 1, "cpu"),  # a page from the disk is no habit
        (ALONE, WAITING, 1, "wall"),  # a candidate that sleeps is slower
        (WAITING, ALONE, 1, "wall"),  # and a base that sleeps is no neighbor's fault
        (SHARED, TICKING, 1, "wall"),  # a thread's clock in ticks of 4 ms says 8 of what is 7.9
        (series(16.0, 8.0, step_ms=0.001), SHARED, 1, "cpu"),
        (SHARED, series(0.1, 0.0), 1, "wall"),  # ticks again: most samples saw none
    ],
)
def test_the_clock(base: object, candidate: object, threads: int, clock: str) -> None:
    taken = [Round(base, base, candidate)] * 6  # type: ignore[arg-type]
    assert verdict.clock(taken, threads)[0] == clock
    assert verdict.judge(taken, threads, 0.05).clock == clock


def test_how_much_others_had() -> None:
    assert verdict.clock([Round(SHARED, SHARED, SHARED)], 1)[1] == pytest.approx(0.5)
    assert verdict.clock([Round(series(8, 8.1), ALONE, ALONE)], 1)[1] == 0  # two clocks disagree by a little


def test_a_thread_s_clock_in_ticks_is_told() -> None:
    found = verdict.judge([Round(TICKING, SHARED, SHARED)] * 6, 1, 0.05)
    assert (found.answer, found.clock, found.step_ms) == ("no regression", "wall", 4.0)


@pytest.mark.parametrize("zero", ["base", "again", "candidate"])
def test_a_median_of_nothing_can_not_be_divided_by(zero: str) -> None:
    found = verdict.judge([replace(each, **{zero: series(0.0)}) for each in rounds(1.0)], 1, 0.05)
    assert (found.answer, found.ratio, found.rounds) == ("can't tell", None, 10)
    says(found.reason, " 0 ms: ", "clock")
    assert verdict.judge([Round(series(0.0), series(0.0), series(0.0))] * 10, 1, 0.05).answer == "can't tell"


def preempted(slower: float, count: int = 12) -> list[Round]:
    """A neighbor takes half of the processor: wall medians land on one slice or on two."""
    slices = (8.0, 16.0, 12.0, 15.5, 8.3, 11.0, 16.2)
    return [
        Round(
            series(slices[i % 7], 8 * QUIET[i % 9]),
            series(slices[(3 * i + 2) % 7], 8 * QUIET[(i + 4) % 9]),
            series(slices[(5 * i + 1) % 7], 8 * slower * QUIET[(i + 7) % 9]),
        )
        for i in range(count)
    ]


def test_the_threads_own_time_sees_through_a_neighbor() -> None:
    for slower, answer in ((1.08, "regression"), (1.0, "no regression")):
        found = verdict.judge(preempted(slower), 1, 0.05)
        assert (found.answer, found.clock) == (answer, "cpu")
        assert found.taken > 0.2
        assert verdict.judge(preempted(slower), 2, 0.05).answer == "can't tell"


def test_a_candidate_that_sleeps_is_a_regression() -> None:
    """By its own time it is as fast as the base."""
    taken = [
        replace(each, candidate=series(9 * noise, 8 * noise, waits=100))
        for each, noise in zip(rounds(1.0, 9), QUIET, strict=True)
    ]
    found = verdict.judge(taken, 1, 0.05)
    assert (found.answer, found.clock) == ("regression", "wall")


# Rounds that follow one another.


def rising(low: float, high: float, count: int = 12) -> list[Round]:
    """The candidate becomes slower from round to round."""
    return [Round(series(8.0), series(8.0), series(8.0 * slower)) for slower in np.linspace(low, high, count)]


def test_rounds_that_follow_one_another_are_no_evidence_for_a_near_limit() -> None:
    """In any other order the same ratios are a regression."""
    taken = rising(1.052, 1.072)
    shuffled = [taken[i] for i in (6, 1, 10, 3, 8, 0, 11, 4, 9, 2, 7, 5)]
    assert verdict.judge(shuffled, 1, 0.05).answer == "regression"
    assert not verdict.judge(shuffled, 1, 0.05).dependent
    found = verdict.judge(taken, 1, 0.05)
    assert (found.answer, found.dependent) == ("can't tell", True)
    assert "; each round " in found.reason
    assert found.ratio is not None and found.ratio.low < 1.05 < found.ratio.middle
    assert not verdict.is_certain(taken, 1, 0.05)


def test_a_limit_far_off_is_told_all_the_same() -> None:
    for low, high, answer in ((1.2, 1.25, "regression"), (0.98, 1.0, "no regression")):
        found = verdict.judge(rising(low, high), 1, 0.05)
        assert (found.answer, found.dependent) == (answer, True)


# A stored baseline's ratio.


@pytest.mark.parametrize(
    ("slower", "to", "answer"),
    [
        (80.0, Interval(79.5, 80, 80.5), "no regression"),
        (88.0, Interval(79.5, 80, 80.5), "regression"),
        (80.0, Interval(70, 80, 90), "can't tell"),  # what isn't known of it isn't known of the candidate
        (1.0, Interval(79.5, 80, 80.5), "no regression"),
    ],
)
def test_to_a_stored_ratio(slower: float, to: Interval, answer: str) -> None:
    found = verdict.judge(rounds(slower), 1, 0.05, to=to)
    assert found.answer == answer
    assert verdict.is_certain(rounds(slower), 1, 0.05, to) == (answer != "can't tell")
    assert found.ratio is not None
    assert found.ratio.low < found.ratio.middle == pytest.approx(slower / to.middle, rel=0.003)
    assert found.ratio.high / found.ratio.low > to.high / to.low


# In words.


@pytest.mark.parametrize(
    ("slower", "limit", "loss", "most"),
    [
        (1.08, 0.05, "8.0 % slower at least", "5 %"),
        (1.031, 0.05, "3.1 % slower at most", "5 %"),
        (0.9, 0.025, "10.0 % faster at least", "2.5 %"),
        (1.0, 0.05, "as fast at least", "5 %"),
        (1.0004, 0.05, "as fast at least", "5 %"),
        (0.9996, 0.05, "as fast at least", "5 %"),
        (40.0, 0.05, "3900.0 % slower at least", "5 %"),
    ],
)
def test_the_reason_has_the_ratio_and_the_limit(slower: float, limit: float, loss: str, most: str) -> None:
    reason = verdict.judge(rounds(slower, noise=(1.0,)), 1, limit).reason
    assert reason.startswith(f"{loss}; ") and reason.endswith(f" {most}")


def test_why_it_cannot_tell() -> None:
    found = verdict.judge(rounds(1.05, noise=(1.0, 1.1, 0.92, 1.03)), 1, 0.05)
    assert found.ratio is not None and found.floor is not None and found.ratio.low < 1
    spread = max(found.floor.high - 1, 1 - found.floor.low)
    assert found.reason.startswith(
        f"{100 * (1 - found.ratio.low):.1f} % faster to {100 * (found.ratio.high - 1):.1f} %"
    )
    says(found.reason, " 5 %, ", "differs from itself")
    assert float(found.reason.split("up to ")[1].split(" %")[0]) == pytest.approx(100 * spread, rel=0.1)
