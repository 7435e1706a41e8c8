"""What rounds of base and candidate say: no regression, a regression, or that it can't be told. Pure; no clocks."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import log
from typing import Literal

from benchmarks import stats
from benchmarks.gate.pairs import Round, Taken
from benchmarks.stats import Interval

Answer = Literal["no regression", "regression", "can't tell"]
Clock = Literal["wall", "cpu"]

# What is asked of the interval at the end, and of one that ends the gate before its time: every look is a chance to
# be wrong.
CONFIDENCE, EARLY_CONFIDENCE = 0.95, 0.99
# A neighbour has taken the processor when this share of the wall time was not this thread's.
TAKEN = 0.01
# A network that sleeps or waits for other threads gives the processor up itself, so often an inference or oftener.
WAITS = 0.1
# So much faster is seldom the same network.
SUSPICIOUS = 0.5
# Less is 0.0 % in a sentence.
AS_FAST = 0.0005


@dataclass(frozen=True)
class Verdict:
    """ratio: candidate's median time to the base's; floor: the base's to its own, 1 but for noise.

    None where there were too few rounds. clock: whose time it rests on; taken: the share of the time that others had
    the processor. reason: a sentence for people.
    """

    answer: Answer
    ratio: Interval | None
    floor: Interval | None
    clock: Clock
    taken: float
    rounds: int
    reason: str


def clock(rounds: Sequence[Round], threads: int) -> tuple[Clock, float]:
    """The thread's own time where a neighbour took the processor from it, the wall clock elsewhere.

    With one thread XNNPACK computes in the calling thread, so its own time is all there is to a network. With more, or
    where base or candidate waits by itself, the wall clock alone knows.
    """
    sides = list(zip(*((each.base, each.again, each.candidate) for each in rounds), strict=True))
    lanes = [lane for side in sides for lane in side]
    taken = max(0.0, 1 - sum(lane.cpu_sum for lane in lanes) / sum(lane.wall_sum for lane in lanes))
    waits = max(sum(lane.waits for lane in side) / sum(lane.n for lane in side) for side in sides)
    return ("cpu" if threads == 1 and taken > TAKEN and waits < WAITS else "wall"), taken


def p50(lane: Taken, clock: Clock) -> float:
    return lane.cpu_p50 if clock == "cpu" else lane.wall_p50


def p95(lane: Taken, clock: Clock) -> float:
    return lane.cpu_p95 if clock == "cpu" else lane.wall_p95


def ratio(
    rounds: Sequence[Round], clock: Clock, confidence: float, figure: Callable[[Taken, Clock], float] = p50
) -> Interval | None:
    """Candidate to base, both of whose lanes count."""
    return stats.geometric_centre(
        [
            figure(each.candidate, clock) / (figure(each.base, clock) * figure(each.again, clock)) ** 0.5
            for each in rounds
        ],
        confidence,
    )


def floor(rounds: Sequence[Round], clock: Clock, confidence: float) -> Interval | None:
    """The base to itself."""
    return stats.geometric_centre([p50(each.again, clock) / p50(each.base, clock) for each in rounds], confidence)


def judge(
    rounds: Sequence[Round], threads: int, limit: float, confidence: float = CONFIDENCE, to: Interval | None = None
) -> Verdict:
    """limit: 0.05 lets the candidate be 5 % slower. to: what candidate to base is expected to be (a stored baseline's
    ratio to its reference workload); 1 without.
    """
    if not rounds:
        return Verdict("can't tell", None, None, "wall", 0.0, 0, "not a single round was measured")
    by, taken = clock(rounds, threads)
    measured, noise = ratio(rounds, by, confidence), floor(rounds, by, confidence)
    if measured is None or noise is None:
        reason = f"too few rounds ({len(rounds)}); give it more time (--seconds)"
        return Verdict("can't tell", measured, noise, by, taken, len(rounds), reason)
    if to is not None:
        measured = Interval(measured.low / to.high, measured.middle / to.middle, measured.high / to.low)
    answer, reason = _answer(measured, noise, limit)
    return Verdict(answer, measured, noise, by, taken, len(rounds), reason)


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
    return judge(rounds, threads, limit, EARLY_CONFIDENCE, to).answer != "can't tell"
