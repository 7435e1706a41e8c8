"""Times two model files against each other, and the first against itself, in fresh processes.

Every round is a fresh process that loads the base twice and the candidate once, cycling through the six orders, then
runs blocks of a few milliseconds in random order. A round gives one ratio of medians. Differences between processes
(the layout of pages, the moment) show in the spread of these ratios, differences between moments cancel in each of
them, and the base against itself shows how different two equal things appear on this machine.
"""

import random
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import cycle, permutations
from pathlib import Path
from statistics import median
from time import monotonic

import numpy as np

from benchmarks.timing.process import BLOCK_S, BenchmarkCase, LostError, Samples, TimingWorker
from device.errors import UserError

# A round's time; a slow network gets as much more as its three series need for one block each. More would not make a
# ratio more certain: what differs from round to round is where in memory the three lie, which a process keeps.
ROUND_S = 0.25
# With two Pythons, which alternate.
BURST_S = 0.05
WARMUP_S = 0.06
SERIES = ("base", "again", "candidate")


@dataclass(frozen=True)
class Side:
    """One side: a model file, threads, a runtime (None: the first found), and the Python that has it.

    size: (height, width) for a network that leaves them open.
    """

    path: Path
    threads: int = 1
    runtime: str | None = None
    python: str = sys.executable
    size: tuple[int, int] | None = None


@dataclass(frozen=True)
class RoundSamples:
    """One series of one round, in ms: p50 and p95 of wall time and of the thread's CPU time, and sums.

    n: samples. waits: the thread's voluntary context switches. step_ms: the resolution of the thread's clock.
    """

    wall_p50: float
    wall_p95: float
    cpu_p50: float
    cpu_p95: float
    wall_sum: float
    cpu_sum: float
    n: int
    waits: int
    step_ms: float = 0.0

    @staticmethod
    def of(parts: Sequence[Samples]) -> "RoundSamples":
        wall = np.concatenate([part.wall_ms for part in parts])
        cpu = np.concatenate([part.cpu_ms for part in parts])
        wall_p50, wall_p95 = map(float, np.percentile(wall, (50, 95)))
        cpu_p50, cpu_p95 = map(float, np.percentile(cpu, (50, 95)))
        waits, step_ms = sum(part.waits for part in parts), max(part.step_ms for part in parts)
        sums = float(wall.sum()), float(cpu.sum())
        return RoundSamples(wall_p50, wall_p95, cpu_p50, cpu_p95, *sums, len(wall), waits, step_ms)


@dataclass(frozen=True)
class Round:
    """A fresh process' figures of the base, of the base again, and of the candidate."""

    base: RoundSamples
    again: RoundSamples
    candidate: RoundSamples


def rounds(base: Side, candidate: Side, seconds: float, seed: int = 1) -> Iterator[Round]:
    """Rounds until the time is over. UserError if a side can't run, or its process dies."""
    order = random.Random(seed)
    # The first one loaded may have a better place in memory, so each is first, second and third equally often.
    loading = cycle(order.sample(list(permutations(SERIES)), 6))
    end = monotonic() + seconds
    took_s: list[float] = []
    while monotonic() + (median(took_s) if took_s else 0.0) <= end:
        start = monotonic()
        try:
            measured = _round(base, candidate, next(loading), order, end)
        except LostError as error:
            models = " or ".join(dict.fromkeys(str(side.path) for side in (base, candidate)))
            others = [side.python for side in (base, candidate) if side.python != sys.executable]
            pythons = f" in {' or '.join(dict.fromkeys(others))}" if others else ""
            raise UserError(f"{models}{pythons}: {error}") from None
        yield measured
        took_s.append(monotonic() - start)


def _round(base: Side, candidate: Side, loading: Sequence[str], order: random.Random, latest: float) -> Round:
    sides = {"base": base, "again": base, "candidate": candidate}
    names: dict[str, list[str]] = {}
    for name in loading:
        names.setdefault(sides[name].python, []).append(name)
    parts: dict[str, list[Samples]] = {name: [] for name in SERIES}
    with ExitStack() as stack:
        workers = [
            (stack.enter_context(_worker([sides[name] for name in inside], python, order)), inside)
            for python, inside in names.items()
        ]
        for worker, _ in workers:
            worker.burst(worker.series, WARMUP_S)
        end = min(monotonic() + ROUND_S, max(latest, monotonic() + BURST_S))
        burst_s = end - monotonic() if len(workers) == 1 else BURST_S
        while monotonic() < end:
            for worker, inside in order.sample(workers, len(workers)):
                for name, samples in zip(inside, worker.burst(worker.series, burst_s, BLOCK_S), strict=True):
                    if samples.error is not None:
                        raise UserError(f"{sides[name].path}: the model failed while running: {samples.error}")
                    parts[name].append(samples)
    return Round(*(RoundSamples.of(parts[name]) for name in SERIES))


def _worker(sides: Sequence[Side], python: str, order: random.Random) -> TimingWorker:
    cases = [BenchmarkCase(side.path, side.threads, side.runtime, size=side.size) for side in sides]
    worker = TimingWorker(cases, python, order.randrange(2**31))
    for loaded in worker.loaded:
        if loaded.error is not None:
            worker.close()
            raise UserError(loaded.error)
    return worker
