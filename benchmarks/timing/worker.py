"""The process that measures. It loads the requested cases, then runs a burst at each request.

    python -m benchmarks.timing.worker        a line of JSON in, a line of JSON out; the other side: process.py

A series repeats one thing: ["invoke", i] or ["frame", i] of case i. In a burst the series get blocks of a few
milliseconds in random order, so that another process that uses the processor for a while slows all of them.
"""

import json
import random
import resource
import sys
from collections.abc import Callable
from pathlib import Path
from statistics import median
from time import perf_counter_ns, thread_time_ns
from typing import Any

from benchmarks.timing import memory, workload
from device.errors import UserError
from device.inference import runtime

# Enough to know the time of reading the clocks to a hundredth of a microsecond.
EMPTY = 2000
# How long to watch the thread's clock for its steps: a few of a timer with 100 ticks per second.
WATCHED_NS = 50_000_000
STEPS = 3
Repeat = Callable[[], None]


class Bench:
    """The series of this process, and the random order of their blocks."""

    def __init__(self, seed: int) -> None:
        self.series: dict[tuple[str, int], Repeat] = {}
        self._random = random.Random(seed)
        self._step_ns = step_ns()
        self._clocks_ns = clocks_ns()

    def load(self, index: int, case: dict[str, Any]) -> dict[str, Any]:
        """Loads a case; reports ms, memory and runtime, or an error."""
        path, threads = Path(case["path"]), int(case["threads"])
        size = (case["size"][0], case["size"][1]) if case["size"] else None
        try:
            engine = runtime.find(case["runtime"])
            work = workload.load(path, threads, engine, size)
            peak = memory.high_water_mark()
            frame = workload.frame_path(path, threads, engine, size) if case["frame"] else None
            if frame:
                frame()
        except UserError as error:
            return {"error": str(error)}
        self.series["invoke", index] = work.invoke
        if frame:
            self.series["frame", index] = frame
        return {
            "error": None,
            "runtime": engine.name,
            "runtime_version": engine.version,
            "load_ms": work.load_ms,
            "first_ms": work.first_ms,
            "peak_memory_bytes": peak,
            "frame": ("frame", index) in self.series,
        }

    def burst(self, names: list[list[Any]], seconds: float, block_s: float) -> list[dict[str, Any]]:
        """Each series' samples of one burst, of at least one block each. Ends early if all have failed."""
        samples = [BurstSamples(self.series[what, index], self._clocks_ns, self._step_ns) for what, index in names]
        end = perf_counter_ns() + int(1e9 * seconds)
        while True:
            for one in self._random.sample(samples, len(samples)):
                one.block(int(1e9 * block_s))
            if perf_counter_ns() >= end or all(one.error is not None for one in samples):
                return [one.to_json() for one in samples]


class BurstSamples:
    """A series' samples of one burst: wall time and this thread's CPU time of every repetition, in nanoseconds.

    The thread's clock is read outside of the wall clock, and `clocks_ns`, the difference, is subtracted. waits: the
    thread's voluntary context switches (getrusage).
    """

    def __init__(self, repeat: Repeat, clocks_ns: int = 0, step_ns: int = 0) -> None:
        self.repeat = repeat
        self.clocks_ns = clocks_ns
        self.step_ns = step_ns
        self.wall_ns: list[int] = []
        self.cpu_ns: list[int] = []
        self.waits = 0
        self.error: str | None = None

    def block(self, length_ns: int) -> None:
        """Repeats for that long, at least once."""
        before = resource.getrusage(resource.RUSAGE_THREAD)
        end = perf_counter_ns() + length_ns
        try:
            while self.error is None:
                cpu = thread_time_ns()
                start = perf_counter_ns()
                self.repeat()
                now = perf_counter_ns()
                self.cpu_ns.append(max(0, thread_time_ns() - cpu - self.clocks_ns))
                self.wall_ns.append(now - start)
                if now >= end:
                    break
        except (RuntimeError, ValueError) as error:
            self.error = _first_line(error)
        after = resource.getrusage(resource.RUSAGE_THREAD)
        self.waits += after.ru_nvcsw - before.ru_nvcsw

    def to_json(self) -> dict[str, Any]:
        return {
            "wall_ns": self.wall_ns,
            "cpu_ns": self.cpu_ns,
            "waits": self.waits,
            "error": self.error,
            "step_ns": self.step_ns,
        }


def clocks_ns() -> int:
    """How much reading the clocks adds to the thread's CPU time compared with the wall time."""
    empty = BurstSamples(lambda: None)
    while len(empty.cpu_ns) < EMPTY:
        empty.block(int(1e6))
    return max(0, round(median(empty.cpu_ns) - median(empty.wall_ns)))


def step_ns(clock: Callable[[], int] = thread_time_ns) -> int:
    """The shortest of the first observed steps of the thread's clock while the thread is busy.

    clock_getres(2) is no help: Linux returns 1 ns for this clock even if it counts timer ticks
    (kernel/time/posix-cpu-timers.c). WATCHED_NS if it doesn't move in that time.
    """
    steps: list[int] = []
    last, end = clock(), perf_counter_ns() + WATCHED_NS
    while len(steps) < STEPS and perf_counter_ns() < end:
        now = clock()
        if now != last:
            steps.append(now - last)
            last = now
    return min(steps, default=WATCHED_NS)


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0] if str(error) else type(error).__name__


def main() -> None:
    first = json.loads(sys.stdin.readline())
    bench = Bench(first["seed"])
    _respond([bench.load(index, case) for index, case in enumerate(first["cases"])])
    for line in sys.stdin:
        request = json.loads(line)
        _respond(bench.burst(request["series"], request["seconds"], request["block_s"]))


def _respond(rows: list[dict[str, Any]]) -> None:
    print(json.dumps(rows), flush=True)


if __name__ == "__main__":
    main()
