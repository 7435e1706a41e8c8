"""The ratio of latencies of two models, runtimes, numbers of threads or commits on this machine."""

from dataclasses import dataclass

from benchmarks import progress
from benchmarks.gate import pairs, verdict
from benchmarks.gate.pairs import Round, Side
from benchmarks.gate.verdict import Clock
from benchmarks.statistics import stats
from benchmarks.statistics.stats import Interval
from device.errors import UserError


@dataclass(frozen=True)
class Comparison:
    """b's time to a's, for p50 and p95. floor: a's p50 to itself. interrupted: by Ctrl-C."""

    p50: Interval
    p95: Interval
    floor: Interval
    clock: Clock
    taken: float
    rounds: int
    interrupted: bool = False

    def row(self, a: str, b: str) -> "ComparisonRow":
        ratios = self.p50.bounds, self.p95.bounds, self.floor.bounds
        return ComparisonRow(a, b, *ratios, clock=self.clock, taken=self.taken, rounds=self.rounds)


@dataclass(frozen=True)
class ComparisonRow:
    """A result document's "comparison": ratios of b's time to a's (low, middle, high). floor: a's time to itself."""

    a: str
    b: str
    p50_ratio: tuple[float, float, float]
    p95_ratio: tuple[float, float, float]
    floor: tuple[float, float, float]
    clock: Clock
    taken: float
    rounds: int


def measure(a: Side, b: Side, seconds: float) -> Comparison:
    """UserError if the time is too short for an interval. After Ctrl-C, that of the rounds so far, if there is one."""
    measured: list[Round] = []
    interrupted = False
    with progress.bar(seconds, "comparing", "s") as advance:
        try:
            for each in pairs.rounds(a, b, seconds):
                measured.append(each)
                advance(min(pairs.ROUND_S, seconds - pairs.ROUND_S * (len(measured) - 1)))
        except KeyboardInterrupt:
            interrupted = True
    clock, share = verdict.clock(measured, max(a.threads, b.threads)) if measured else ("wall", 0.0)
    p50 = verdict.ratio(measured, clock, verdict.CONFIDENCE)
    p95 = verdict.ratio(measured, clock, verdict.CONFIDENCE, verdict.p95)
    floor = verdict.floor(measured, clock, verdict.CONFIDENCE)
    if p50 is None or p95 is None or floor is None:
        if interrupted:
            raise KeyboardInterrupt
        fewest = stats.fewest(verdict.CONFIDENCE)
        if len(measured) >= fewest:
            raise UserError(
                f"{a.path} or {b.path}: a time is 0 ms, expected one that this machine's clock can tell; compare larger"
                " networks"
            )
        raise UserError(
            f"{len(measured)} rounds in {seconds:g} s, expected at least {fewest}; give more time with --seconds"
        )
    return Comparison(p50, p95, floor, clock, share, len(measured), interrupted)


def lines(found: Comparison, a: str, b: str) -> list[str]:
    clock = "CPU time of the thread" if found.clock == "cpu" else "wall clock"
    return [
        f"{b} to {a}:",
        *(
            f"  {name:<11} {each}"
            for name, each in (("p50", found.p50), ("p95", found.p95), ("a to itself", found.floor))
        ),
        f"  ratios with their 95 % intervals, {found.rounds} fresh processes, {clock}",
    ]
