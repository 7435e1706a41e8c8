"""Rounds, verdicts and outcomes of gates, made by hand: what they say is known beforehand."""

from collections.abc import Sequence
from itertools import cycle, islice
from typing import Any

from benchmarks.gate.drop import Drop
from benchmarks.gate.gate import GateLimits, GateOutcome
from benchmarks.gate.pairs import Round, RoundSamples
from benchmarks.gate.verdict import Answer, Verdict
from benchmarks.statistics.stats import Interval

# Half a percent about 1, in an order that shows no trend: what a quiet machine does to a round.
QUIET = (1.0, 1.004, 0.997, 1.002, 0.996, 1.003, 0.999, 0.998, 1.001)


def series(
    wall_ms: float, cpu_ms: float | None = None, waits: int = 0, n: int = 100, step_ms: float = 0.0
) -> RoundSamples:
    """n equal samples. cpu_ms: the thread's own time (as long, unless it is said)."""
    cpu_ms = wall_ms if cpu_ms is None else cpu_ms
    return RoundSamples(wall_ms, 1.2 * wall_ms, cpu_ms, 1.2 * cpu_ms, n * wall_ms, n * cpu_ms, n, waits, step_ms)


def rounds(slower: float, count: int = 10, noise: Sequence[float] = QUIET, again: float = 1.0) -> list[Round]:
    """A base of 8 ms and a candidate of `slower` times as much; again: the base's second series to its first."""
    dice = islice(cycle(noise), 3 * count)
    return [
        Round(series(8 * a), series(8 * again * b), series(8 * slower * c))
        for a, b, c in zip(dice, dice, dice, strict=True)
    ]


def verdict(answer: Answer, **changes: Any) -> Verdict:
    ratio, floor = Interval(1.075, 1.08, 1.085), Interval(0.998, 1.001, 1.004)
    known = {"ratio": ratio, "floor": floor, "clock": "wall", "taken": 0.001, "rounds": 8, "reason": "because"}
    return Verdict(answer, **{**known, **changes})


def drop(answer: Answer, **changes: Any) -> Drop:
    known = {"points": Interval(0.01, 0.02, 0.03), "base": 0.92, "candidate": 0.9, "n": 1000, "lost": 25, "won": 5}
    return Drop(answer, **{**known, "aside": 0, "reason": "on these grounds", **changes})


def outcome(answer: Answer, latency: Verdict, accuracy: Drop | None = None, **changes: Any) -> GateOutcome:
    known = {"base": "main:a.tflite", "candidate": "b.tflite", "threads": 1, "seconds": 7.4, "notes": ()}
    limits = GateLimits(0.05, 0.01 if accuracy else None)
    return GateOutcome(
        answer, latency=latency, accuracy=accuracy, limits=limits, **{**known, "interrupted": False, **changes}
    )
