"""Two models, two runtimes, two numbers of threads or two commits' files on this machine: the ratio of their times."""

from dataclasses import dataclass
from typing import Any

from benchmarks import progress
from benchmarks.gate import pairs, verdict
from benchmarks.gate.pairs import Round, Side
from benchmarks.gate.verdict import Clock
from benchmarks.stats import Interval
from device.errors import UserError


@dataclass(frozen=True)
class Comparison:
    """b's time to a's: of p50 and of p95. floor: a's p50 to its own. interrupted: Ctrl-C came before the end."""

    p50: Interval
    p95: Interval
    floor: Interval
    clock: Clock
    taken: float
    rounds: int
    interrupted: bool = False

    def row(self, a: str, b: str) -> dict[str, Any]:
        return {
            "a": a,
            "b": b,
            **{name: [found.low, found.middle, found.high] for name, found in self._intervals().items()},
            "clock": self.clock,
            "taken": self.taken,
            "rounds": self.rounds,
        }

    def _intervals(self) -> dict[str, Interval]:
        return {"p50_ratio": self.p50, "p95_ratio": self.p95, "floor": self.floor}


def measure(a: Side, b: Side, seconds: float) -> Comparison:
    """UserError where the time is too short for six rounds. Ctrl-C ends it with what was measured, if it is six."""
    taken: list[Round] = []
    interrupted = False
    with progress.bar(seconds, "comparing", "s") as advance:
        try:
            for each in pairs.rounds(a, b, seconds):
                taken.append(each)
                advance(min(pairs.ROUND_S, seconds - pairs.ROUND_S * (len(taken) - 1)))
        except KeyboardInterrupt:
            interrupted = True
    clock, share = verdict.clock(taken, max(a.threads, b.threads)) if taken else ("wall", 0.0)
    p50 = verdict.ratio(taken, clock, verdict.CONFIDENCE)
    p95 = verdict.ratio(taken, clock, verdict.CONFIDENCE, verdict.p95)
    floor = verdict.floor(taken, clock, verdict.CONFIDENCE)
    if p50 is None or p95 is None or floor is None:
        if interrupted:
            raise KeyboardInterrupt
        raise UserError(f"{len(taken)} rounds in {seconds:g} s are too few to tell; give more time with --seconds")
    return Comparison(p50, p95, floor, clock, share, len(taken), interrupted)


def lines(found: Comparison, a: str, b: str) -> list[str]:
    clock = "thread's own time" if found.clock == "cpu" else "wall clock"
    return [
        f"{b} to {a}:",
        *(
            f"  {name:<11} {each}"
            for name, each in (("p50", found.p50), ("p95", found.p95), ("a to itself", found.floor))
        ),
        f"  ratios with their 95 % intervals, {found.rounds} fresh processes, {clock}",
    ]
