"""Two model files against one another, and the first against itself, in fresh processes.

Every round is a fresh process in which the base is loaded twice and the candidate once, in the six orders in turn;
blocks of a few milliseconds follow in random order. A round gives one ratio of medians. What differs between processes
(the layout of pages, the moment) is in the spread of these ratios, what differs between moments cancels in each of
them, and the base against itself shows how far apart this machine puts two things that are equal.
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

# A round's time; a slow network gets as much more as its three lanes need for one block each.
ROUND_S = 0.6
# Where two Pythons take turns.
TURN_S = 0.05
WARMUP_S = 0.06
LANES = ("base", "again", "candidate")


@dataclass(frozen=True)
class Side:
    """What is timed on one side: a model file, threads, a runtime (None: the first found), and whose Python has it.

    size: (height, width) for a network that leaves them open.
    """

    path: Path
    threads: int = 1
    runtime: str | None = None
    python: str = sys.executable
    size: tuple[int, int] | None = None


@dataclass(frozen=True)
class RoundSamples:
    """One lane of one round, in ms: p50 and p95 by the wall clock and by the thread's own time, and sums.

    n: samples; waits: the thread's voluntary context switches; step_ms: the thread's clock moves in steps of that.
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
    """A fresh process's figures of the base, of the base again, and of the candidate."""

    base: RoundSamples
    again: RoundSamples
    candidate: RoundSamples


def rounds(base: Side, candidate: Side, seconds: float, seed: int = 1) -> Iterator[Round]:
    """Rounds until the time is over. UserError when either side can't be run, or its process dies."""
    order = random.Random(seed)
    # What is loaded first may lie better in memory: each is first, second and third equally often.
    loading = cycle(order.sample(list(permutations(LANES)), 6))
    end = monotonic() + seconds
    took_s: list[float] = []
    while monotonic() + (median(took_s) if took_s else 0.0) <= end:
        start = monotonic()
        try:
            taken = _round(base, candidate, next(loading), order, end)
        except LostError as error:
            models = " or ".join(dict.fromkeys(str(side.path) for side in (base, candidate)))
            others = [side.python for side in (base, candidate) if side.python != sys.executable]
            pythons = f" in {' or '.join(dict.fromkeys(others))}" if others else ""
            raise UserError(f"{models}{pythons}: {error}") from None
        yield taken
        took_s.append(monotonic() - start)


def _round(base: Side, candidate: Side, loading: Sequence[str], order: random.Random, latest: float) -> Round:
    sides = {"base": base, "again": base, "candidate": candidate}
    names: dict[str, list[str]] = {}
    for name in loading:
        names.setdefault(sides[name].python, []).append(name)
    parts: dict[str, list[Samples]] = {name: [] for name in LANES}
    with ExitStack() as stack:
        workers = [
            (stack.enter_context(_worker([sides[name] for name in inside], python, order)), inside)
            for python, inside in names.items()
        ]
        for worker, _ in workers:
            worker.turn(worker.lanes, WARMUP_S)
        end = min(monotonic() + ROUND_S, max(latest, monotonic() + TURN_S))
        turn_s = end - monotonic() if len(workers) == 1 else TURN_S
        while monotonic() < end:
            for worker, inside in order.sample(workers, len(workers)):
                for name, samples in zip(inside, worker.turn(worker.lanes, turn_s, BLOCK_S), strict=True):
                    if samples.error is not None:
                        raise UserError(f"{sides[name].path}: the model failed half way: {samples.error}")
                    parts[name].append(samples)
    return Round(*(RoundSamples.of(parts[name]) for name in LANES))


def _worker(sides: Sequence[Side], python: str, order: random.Random) -> TimingWorker:
    cases = [BenchmarkCase(side.path, side.threads, side.runtime, size=side.size) for side in sides]
    worker = TimingWorker(cases, python, order.randrange(2**31))
    for told in worker.loaded:
        if told.error is not None:
            worker.close()
            raise UserError(told.error)
    return worker
