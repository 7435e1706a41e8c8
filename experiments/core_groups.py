"""Tasks side by side on one machine, one at a time on each group of cores.

Groups still share the memory's bandwidth, the last cache and the clock's headroom, so side by side is not alone. Where
two threads share a core (lscpu), a group should have whole cores.
"""

import argparse
import math
import os
import queue
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Lock
from time import monotonic
from typing import TypeVar

Cores = tuple[int, ...]
Task = TypeVar("Task")
Result = TypeVar("Result")


def group(text: str) -> Cores:
    """A `type` for argparse: '2,3' is the group of the cores 2 and 3."""
    try:
        cores = tuple(map(int, text.split(",")))
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text}: expected core numbers, as in 2,3") from None
    usable = os.sched_getaffinity(0)
    if not set(cores) <= usable:
        raise argparse.ArgumentTypeError(f"{text}: expected cores of {sorted(usable)}")
    return cores


def whole_machine() -> list[Cores]:
    """One group of all cores that this process may use."""
    return [tuple(sorted(os.sched_getaffinity(0)))]


def are_disjoint(groups: Sequence[Cores]) -> bool:
    """Whether no core is in two groups."""
    cores = [core for each in groups for core in each]
    return len(set(cores)) == len(cores)


def take(left: list[Task], size: int, smaller: int, needs: Callable[[Task], int]) -> Task | None:
    """Removes and returns the next task for a group of `size` cores, None if there is none. What groups of `smaller`
    cores can do is left to them as long as there is anything else.
    """
    fitting = [task for task in left if needs(task) <= size]
    task = next((task for task in fitting if needs(task) > smaller), fitting[0] if fitting else None)
    if task is not None:
        left.remove(task)
    return task


def run(
    groups: Sequence[Cores],
    tasks: Sequence[Task],
    needs: Callable[[Task], int],
    work: Callable[[Task], Result],
    end: float = math.inf,
) -> Generator[Result]:
    """Yields each task's result as soon as it is there.

    needs: how many cores a task takes; one that no group has is left out. end: no task begins after that moment of the
    monotonic clock. An exception ends its group's work, and is raised when the other groups have done theirs.
    """
    left, lock = list(tasks), Lock()
    results: queue.Queue[Result | None] = queue.Queue()

    def drive(cores: Cores) -> None:
        """Takes tasks for this group of cores, one after the other, until none is left or the time is over."""
        # Of this thread, and of the processes that it starts.
        os.sched_setaffinity(0, cores)
        smaller = max((len(other) for other in groups if len(other) < len(cores)), default=0)
        try:
            while monotonic() <= end:
                with lock:
                    task = take(left, len(cores), smaller, needs)
                if task is None:
                    return
                results.put(work(task))
        finally:
            results.put(None)

    with ThreadPoolExecutor(len(groups)) as pool:
        driven = [pool.submit(drive, cores) for cores in groups]
        try:
            for _ in groups:
                yield from iter(results.get, None)
        finally:
            # Interrupted: what is under way comes to its end, nothing else begins.
            with lock:
                left.clear()
    for each in driven:
        each.result()
