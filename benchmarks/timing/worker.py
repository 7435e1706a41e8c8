"""The process that measures. It loads what it is told to, and runs whenever it is given a turn.

    python -m benchmarks.timing.worker        a line of JSON in, a line of JSON out; the other side: process.py

A lane is something to repeat: ["invoke", i] or ["frame", i] of case i. In a turn the lanes take blocks of a few
milliseconds in random order, so that a neighbor who takes the processor for a while takes it from all of them.
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

# Before peak memory is read.
INVOCATIONS = 3
# Enough for what reading the clocks takes to be known to a hundredth of a microsecond.
EMPTY = 2000
# How long the thread's clock is watched for its steps: a few of a timer with 100 ticks a second.
WATCHED_NS = 50_000_000
STEPS = 3
Lane = Callable[[], None]


class Bench:
    """The lanes of this process, and the random order in which they take their blocks."""

    def __init__(self, seed: int) -> None:
        self.lanes: dict[tuple[str, int], Lane] = {}
        self._random = random.Random(seed)
        self._step_ns = step_ns()
        self._clocks_ns = clocks_ns()

    def load(self, index: int, case: dict[str, Any]) -> dict[str, Any]:
        """What loading told: ms, memory, runtime; or an error."""
        path, threads = Path(case["path"]), int(case["threads"])
        size = (case["size"][0], case["size"][1]) if case["size"] else None
        try:
            engine = runtime.find(case["runtime"])
            work = workload.load(path, threads, engine, size)
            for _ in range(INVOCATIONS):
                work.invoke()
            peak = memory.high_water_mark()
            answer = workload.frame_path(path, threads, engine, size) if case["frame"] else None
            if answer:
                answer()
        except UserError as error:
            return {"error": str(error)}
        except (RuntimeError, ValueError) as error:
            return {"error": f"{path}: the model failed half way: {_first_line(error)}"}
        self.lanes["invoke", index] = work.invoke
        if answer:
            self.lanes["frame", index] = answer
        return {
            "error": None,
            "runtime": engine.name,
            "runtime_version": engine.version,
            "load_ms": work.load_ms,
            "first_ms": work.first_ms,
            "peak_memory_bytes": peak,
            "frame": ("frame", index) in self.lanes,
        }

    def turn(self, names: list[list[Any]], seconds: float, block_s: float) -> list[dict[str, Any]]:
        """Each lane's samples of one turn; at least one block each. It ends when all of them have given up."""
        taken = [TurnSamples(self.lanes[what, index], self._clocks_ns, self._step_ns) for what, index in names]
        end = perf_counter_ns() + int(1e9 * seconds)
        while True:
            for lane in self._random.sample(taken, len(taken)):
                lane.block(int(1e9 * block_s))
            if perf_counter_ns() >= end or all(lane.error is not None for lane in taken):
                return [lane.told() for lane in taken]


class TurnSamples:
    """What a lane took in one turn: wall time and this thread's own time of every repetition, in nanoseconds.

    The thread's time is read outside of the wall clock's; `clocks_ns`, what that adds, is taken off it. `waits` are the
    thread's voluntary context switches (getrusage).
    """

    def __init__(self, lane: Lane, clocks_ns: int = 0, step_ns: int = 0) -> None:
        self.lane = lane
        self.clocks_ns = clocks_ns
        self.step_ns = step_ns
        self.wall_ns: list[int] = []
        self.cpu_ns: list[int] = []
        self.waits = 0
        self.error: str | None = None

    def block(self, length_ns: int) -> None:
        """Repeats for so long, at least once."""
        before = resource.getrusage(resource.RUSAGE_THREAD)
        end = perf_counter_ns() + length_ns
        try:
            while self.error is None:
                cpu = thread_time_ns()
                start = perf_counter_ns()
                self.lane()
                now = perf_counter_ns()
                self.cpu_ns.append(max(0, thread_time_ns() - cpu - self.clocks_ns))
                self.wall_ns.append(now - start)
                if now >= end:
                    break
        except (RuntimeError, ValueError) as error:
            self.error = _first_line(error)
        after = resource.getrusage(resource.RUSAGE_THREAD)
        self.waits += after.ru_nvcsw - before.ru_nvcsw

    def told(self) -> dict[str, Any]:
        return {
            "wall_ns": self.wall_ns,
            "cpu_ns": self.cpu_ns,
            "waits": self.waits,
            "error": self.error,
            "step_ns": self.step_ns,
        }


def clocks_ns() -> int:
    """By how much the thread's time of something is longer than its wall time, for the clocks' own sake."""
    empty = TurnSamples(lambda: None)
    while len(empty.cpu_ns) < EMPTY:
        empty.block(int(1e6))
    return max(0, round(median(empty.cpu_ns) - median(empty.wall_ns)))


def step_ns(clock: Callable[[], int] = thread_time_ns) -> int:
    """The shortest of the first steps that the thread's clock is seen to make while the thread is busy.

    What clock_getres(2) says isn't it: Linux says 1 ns for this clock, also where a timer's ticks are counted
    (kernel/time/posix-cpu-timers.c). WATCHED_NS where it doesn't move at all in that time.
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
    _answer([bench.load(index, case) for index, case in enumerate(first["cases"])])
    for line in sys.stdin:
        asked = json.loads(line)
        _answer(bench.turn(asked["lanes"], asked["seconds"], asked["block_s"]))


def _answer(rows: list[dict[str, Any]]) -> None:
    print(json.dumps(rows), flush=True)


if __name__ == "__main__":
    main()
