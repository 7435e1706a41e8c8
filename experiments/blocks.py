"""What the obvious latency gate makes of a model that hasn't changed: its time now to its time a moment ago.

    python -m experiments.blocks [--neighbors N]       five minutes, on a machine that others use too

One file (the network of about 8 ms) is loaded twice in a process, on one thread. A gate compares the medians of
INVOCATIONS inferences of each by the wall clock: one block after the other, as the obvious gate does, or in turns, in
random order within each pair. The two ways alternate. `--neighbors` starts processes that compute and sleep for up to
two seconds at a time, for a machine that has nothing else to do. Writes results/blocks.json with every ratio; 1 is
right.
"""

import argparse
import random
from statistics import median
from time import perf_counter_ns

from tqdm import tqdm

from benchmarks.gate import qualify
from benchmarks.timing import workload
from benchmarks.timing.workload import Workload
from device.inference import runtime
from experiments.gate import beside
from experiments.record import write

COMMAND = "python -m experiments.blocks"
GATES, INVOCATIONS = 40, 100
BLOCKS, TURNS = "one after the other", "in turns"
# Comes and goes.
NEIGHBOR = """
import os, random, time
parent = os.getppid()
while os.getppid() == parent:
    end = time.monotonic() + random.uniform(0, 2)
    while time.monotonic() < end:
        sum(range(10000))
    time.sleep(random.uniform(0, 2))
"""


def order(way: str, dice: random.Random) -> list[int]:
    """Which of the two is run, inference by inference."""
    if way == BLOCKS:
        return [0] * INVOCATIONS + [1] * INVOCATIONS
    return [side for _ in range(INVOCATIONS) for side in dice.sample((0, 1), 2)]


def ratio(way: str, both: tuple[Workload, Workload], dice: random.Random) -> float:
    """One gate: the second's median time to the first's."""
    times: tuple[list[int], list[int]] = ([], [])
    for side in order(way, dice):
        start = perf_counter_ns()
        both[side].invoke()
        times[side].append(perf_counter_ns() - start)
    return median(times[1]) / median(times[0])


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--neighbors", type=int, default=0, help="default 0: the machine as it is")
    count = options.parse_args().neighbors
    path, engine, dice = qualify.NETWORKS / "large.tflite", runtime.find(), random.Random(1)
    both = workload.load(path, 1, engine), workload.load(path, 1, engine)
    ratios: dict[str, list[float]] = {BLOCKS: [], TURNS: []}
    with beside(NEIGHBOR, count):
        for _ in tqdm(range(GATES), desc="gates", unit=" pairs"):
            for way, found in ratios.items():
                found.append(round(ratio(way, both, dice), 5))
    rows = [{"way": way, "ratios": found} for way, found in ratios.items()]
    write("blocks", rows, COMMAND, invocations=INVOCATIONS, neighbors=count)


if __name__ == "__main__":
    main()
