"""What rounds of base and candidate say: no regression, a regression, or that it can't be told. Pure; no clocks."""

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

# What is asked of the interval at the end, and of one that ends the gate before its time: every look is a chance to
# be wrong. It takes ten rounds (experiments/gate_simulation.py has it with 99 % as well).
CONFIDENCE, EARLY_CONFIDENCE = 0.95, 0.998
EARLIEST = 10
# A neighbor has taken the processor when this share of the wall time was not this thread's.
TAKEN = 0.01
# A network that sleeps or waits for other threads gives the processor up itself, so often an inference or oftener.
WAITS = 0.1
# A thread's clock that moves in longer steps counts a timer's ticks (4 ms, often), not what the thread did.
COARSE_MS = 0.1
# So much faster is seldom the same network.
SUSPICIOUS = 0.5
# Less is 0.0 % in a sentence.
AS_FAST = 0.0005


@dataclass(frozen=True)
class Verdict:
    """ratio: candidate's median time to the base's; floor: the base's to its own, 1 but for noise.

    None where there were too few rounds. clock: whose time it rests on; taken: the share of the time that others had
    the processor; step_ms: the thread's clock was seen to move in steps of that. dependent: the rounds follow one
    another, and the ratio's interval is wider for it. reason: a sentence for people.
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
    """The thread's own time where a neighbor took the processor from it, the wall clock elsewhere.

    With one thread XNNPACK computes in the calling thread, so its own time is all there is to a network. With more, or
    where base or candidate waits by itself, the wall clock alone knows; and where the thread's clock is too coarse for
    what is timed.
    """
    sides = list(zip(*((each.base, each.again, each.candidate) for each in rounds), strict=True))
    lanes = [lane for side in sides for lane in side]
    wall = sum(lane.wall_sum for lane in lanes)
    taken = max(0.0, 1 - sum(lane.cpu_sum for lane in lanes) / wall) if wall else 0.0
    waits = max(sum(lane.waits for lane in side) / sum(lane.n for lane in side) for side in sides)
    is_fine = step_ms(rounds) <= COARSE_MS and all(lane.cpu_p50 > 0 for lane in lanes)
    return ("cpu" if threads == 1 and taken > TAKEN and waits < WAITS and is_fine else "wall"), taken


def step_ms(rounds: Sequence[Round]) -> float:
    """The longest step that the thread's clock was seen to make."""
    return max(lane.step_ms for each in rounds for lane in (each.base, each.again, each.candidate))


def p50(lane: RoundSamples, clock: Clock) -> float:
    return lane.cpu_p50 if clock == "cpu" else lane.wall_p50


def p95(lane: RoundSamples, clock: Clock) -> float:
    return lane.cpu_p95 if clock == "cpu" else lane.wall_p95


def ratios(rounds: Sequence[Round], clock: Clock, figure: Callable[[RoundSamples, Clock], float] = p50) -> list[float]:
    """Candidate to base, both of whose lanes count, a round each. Empty where a figure is 0: no clock saw it."""
    lanes = [[figure(lane, clock) for lane in (each.base, each.again, each.candidate)] for each in rounds]
    if any(0 in figures for figures in lanes):
        return []
    return [candidate / sqrt(base * again) for base, again, candidate in lanes]


def ratio(
    rounds: Sequence[Round], clock: Clock, confidence: float, figure: Callable[[RoundSamples, Clock], float] = p50
) -> Interval | None:
    """Candidate to base, with its interval over rounds."""
    return stats.geometric_center(ratios(rounds, clock, figure), confidence)


def floor(rounds: Sequence[Round], clock: Clock, confidence: float) -> Interval | None:
    """The base to itself; as ratio(), None for too few rounds and where a median is 0."""
    both = [(p50(each.again, clock), p50(each.base, clock)) for each in rounds]
    return None if any(0 in lanes for lanes in both) else stats.geometric_center([a / b for a, b in both], confidence)


def judge(
    rounds: Sequence[Round], threads: int, limit: float, early: bool = False, to: Interval | None = None
) -> Verdict:
    """limit: 0.05 lets the candidate be 5 % slower. early: before the gate's time is over, when more is asked. to: what
    candidate to base is expected to be (a stored baseline's ratio to its reference workload); 1 without.
    """
    confidence = EARLY_CONFIDENCE if early else CONFIDENCE
    if not rounds:
        return Verdict("can't tell", None, None, "wall", 0.0, 0, "not a single round was measured")
    by, taken = clock(rounds, threads)
    step, by_round = step_ms(rounds), ratios(rounds, by)
    measured, noise = ratio(rounds, by, confidence), floor(rounds, by, confidence)
    if measured is None or noise is None:
        reason = f"too few rounds ({len(rounds)}); give it more time (--seconds)"
        if not by_round:
            reason = "a median of 0 ms: this machine's clock is too coarse for so small a network"
        return Verdict("can't tell", measured, noise, by, taken, len(rounds), reason, step)
    suspicious = dependence.EARLY_SUSPICIOUS if early else dependence.SUSPICIOUS
    is_dependent = dependence.score(by_round) < suspicious
    if is_dependent:
        measured = dependence.wider(measured)
    if to is not None:
        measured = Interval(measured.low / to.high, measured.middle / to.middle, measured.high / to.low)
    answer, reason = _answer(measured, noise, limit)
    if is_dependent and answer == "can't tell":
        reason += "; each round is near the one before, so the interval is wider"
    return Verdict(answer, measured, noise, by, taken, len(rounds), reason, step, is_dependent)


def _answer(measured: Interval, noise: Interval, limit: float) -> tuple[Answer, str]:
    """What the base certainly differs from itself is a fault of this machine, which the candidate may have as well.

    That the base's interval is wide is no fault by itself: the same noise makes the candidate's wide.
    """
    fault, allowed = max(1.0, noise.low, 1 / noise.high), f"the limit is {100 * limit:g} %"
    if measured.low > (1 + limit) * fault:
        return "regression", f"{change(measured.low)} at least; {allowed}"
    if measured.high * fault < 1 + limit:
        bound = "at most" if measured.high > 1 + AS_FAST else "at least"
        return "no regression", f"{change(measured.high)} {bound}; {allowed}"
    spread = max(abs(log(noise.low)), abs(log(noise.high)))
    return "can't tell", (
        f"{change(measured.low)} to {change(measured.high)}; {allowed}, and this machine now puts the base up to"
        f" {100 * spread:.1f} % from itself"
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
    """Whether the gate may end before its time."""
    return len(rounds) >= EARLIEST and judge(rounds, threads, limit, True, to).answer != "can't tell"
