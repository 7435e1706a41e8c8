"""Judges rounds of base and candidate: no regression, a regression, or can't tell. Pure; no clocks."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import log, sqrt
from typing import Literal

from benchmarks.gate import dependence
from benchmarks.gate.pairs import Round, RoundSamples
from benchmarks.statistics import stats
from benchmarks.statistics.stats import Interval

Answer = Literal["no regression", "regression", "can't tell"]
Clock = Literal["wall", "cpu"]

# The confidence of the interval at the end, and of one that ends the gate early, since every look is a chance to be
# wrong (experiments/gate_simulation.py also has it with 99 %).
CONFIDENCE, EARLY_CONFIDENCE = 0.95, 0.998
EARLIEST = stats.fewest(EARLY_CONFIDENCE)  # ten rounds
# Another process used the processor if this share of the wall time was not CPU time of this thread.
MOST_TAKEN = 0.01
# A network that sleeps or waits for other threads yields the processor itself, at least so often per inference.
WAITS = 0.1
# A thread's clock with longer steps counts timer ticks (often 4 ms), not CPU time.
COARSE_MS = 0.1
# A network with so small a ratio is seldom the same one.
SUSPICIOUS = 0.5
# A smaller difference prints as 0.0 %.
AS_FAST = 0.0005


@dataclass(frozen=True)
class Verdict:
    """ratio: the candidate's median time to the base's. floor: the base's to itself, 1 but for noise.

    None if there are too few rounds. clock: the clock used. taken: the share of the time that other processes used the
    processor. step_ms: the resolution of the thread's clock. dependent: rounds depend on their predecessors, which
    widens the ratio's interval. reason: a sentence for people.
    """

    answer: Answer
    ratio: Interval | None
    floor: Interval | None
    clock: Clock
    taken: float
    rounds: int
    reason: str
    step_ms: float = 0.0
    dependent: bool = False


def clock(rounds: Sequence[Round], threads: int) -> tuple[Clock, float]:
    """The thread's CPU time if another process used its processor, else the wall clock; and the share of that.

    With one thread XNNPACK computes in the calling thread, so its CPU time is the network's whole time. With more
    threads, or if base or candidate waits by itself, or if the thread's clock is too coarse, only the wall clock is
    right.
    """
    sides = list(zip(*((each.base, each.again, each.candidate) for each in rounds), strict=True))
    series = [one for side in sides for one in side]
    wall = sum(one.wall_sum for one in series)
    taken = max(0.0, 1 - sum(one.cpu_sum for one in series) / wall) if wall else 0.0
    waits = max(sum(one.waits for one in side) / sum(one.n for one in side) for side in sides)
    is_fine = step_ms(rounds) <= COARSE_MS and all(one.cpu_p50 > 0 for one in series)
    return ("cpu" if threads == 1 and taken > MOST_TAKEN and waits < WAITS and is_fine else "wall"), taken


def step_ms(rounds: Sequence[Round]) -> float:
    """The longest observed step of the thread's clock."""
    return max(one.step_ms for each in rounds for one in (each.base, each.again, each.candidate))


def p50(series: RoundSamples, clock: Clock) -> float:
    """The median in ms, by that clock."""
    return series.cpu_p50 if clock == "cpu" else series.wall_p50


def p95(series: RoundSamples, clock: Clock) -> float:
    """The 95th percentile in ms, by that clock."""
    return series.cpu_p95 if clock == "cpu" else series.wall_p95


def ratios(rounds: Sequence[Round], clock: Clock, figure: Callable[[RoundSamples, Clock], float] = p50) -> list[float]:
    """Candidate to base (both series of it), for each round. Empty if a figure is 0, below the clock's resolution."""
    rows = [[figure(one, clock) for one in (each.base, each.again, each.candidate)] for each in rounds]
    if any(0 in figures for figures in rows):
        return []
    return [candidate / sqrt(base * again) for base, again, candidate in rows]


def ratio(
    rounds: Sequence[Round], clock: Clock, confidence: float, figure: Callable[[RoundSamples, Clock], float] = p50
) -> Interval | None:
    """Candidate to base, with its interval over rounds."""
    return stats.geometric_center(ratios(rounds, clock, figure), confidence)


def floor(rounds: Sequence[Round], clock: Clock, confidence: float) -> Interval | None:
    """The base to itself; like ratio(), None for too few rounds or a median of 0."""
    both = [(p50(each.again, clock), p50(each.base, clock)) for each in rounds]
    return (
        None if any(0 in medians for medians in both) else stats.geometric_center([a / b for a, b in both], confidence)
    )


def judge(
    rounds: Sequence[Round], threads: int, limit: float, early: bool = False, to: Interval | None = None
) -> Verdict:
    """limit: 0.05 lets the candidate be 5 % slower. early: before the gate's time is over, with stricter confidence.
    to: the expected ratio of candidate to base (a stored baseline's ratio to its reference workload); None: 1.
    """
    confidence = EARLY_CONFIDENCE if early else CONFIDENCE
    if not rounds:
        return Verdict("can't tell", None, None, "wall", 0.0, 0, "no round was measured")
    by, taken = clock(rounds, threads)
    step, by_round = step_ms(rounds), ratios(rounds, by)
    measured, noise = ratio(rounds, by, confidence), floor(rounds, by, confidence)
    if measured is None or noise is None:
        reason = f"too few rounds ({len(rounds)}); give it more time (--seconds)"
        if not by_round:
            reason = "a median is 0 ms: this machine's clock is too coarse for so small a network"
        return Verdict("can't tell", measured, noise, by, taken, len(rounds), reason, step)
    suspicious = dependence.EARLY_SUSPICIOUS if early else dependence.SUSPICIOUS
    is_dependent = dependence.score(by_round) < suspicious
    if is_dependent:
        measured = dependence.wider(measured)
    if to is not None:
        measured = Interval(measured.low / to.high, measured.middle / to.middle, measured.high / to.low)
    answer, reason = _answer(measured, noise, limit)
    if is_dependent and answer == "can't tell":
        reason += "; each round is close to the previous one, so the interval is wider"
    return Verdict(answer, measured, noise, by, taken, len(rounds), reason, step, is_dependent)


def _answer(measured: Interval, noise: Interval, limit: float) -> tuple[Answer, str]:
    """A certain difference of the base from itself is a fault of this machine, which may affect the candidate too.

    A wide interval of the base is no fault: the same noise widens the candidate's.
    """
    fault, allowed = max(1.0, noise.low, 1 / noise.high), f"the limit is {100 * limit:g} %"
    if measured.low > (1 + limit) * fault:
        return "regression", f"{change(measured.low)} at least; {allowed}"
    if measured.high * fault < 1 + limit:
        bound = "at most" if measured.high > 1 + AS_FAST else "at least"
        return "no regression", f"{change(measured.high)} {bound}; {allowed}"
    spread = max(abs(log(noise.low)), abs(log(noise.high)))
    return "can't tell", (
        f"{change(measured.low)} to {change(measured.high)}; {allowed}, and the base differs from itself by up to"
        f" {100 * spread:.1f} % on this machine now"
    )


def change(ratio: float) -> str:
    """1.053: '5.3 % slower'; 0.9: '10.0 % faster'; 1.0002: 'as fast'"""
    if abs(ratio - 1) < AS_FAST:
        return "as fast"
    return f"{percent(ratio)} slower" if ratio > 1 else f"{percent(2 - ratio)} faster"


def percent(ratio: float) -> str:
    """1.053: '5.3 %'"""
    return f"{100 * (ratio - 1):.1f} %"


def is_certain(rounds: Sequence[Round], threads: int, limit: float, to: Interval | None = None) -> bool:
    """Whether the gate may end early."""
    return len(rounds) >= EARLIEST and judge(rounds, threads, limit, True, to).answer != "can't tell"
