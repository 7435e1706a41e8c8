"""Does a longer round of the gate make its ratio more certain? Rounds of SECONDS, cut short afterwards.

    python -m experiments.round_length      four minutes; nothing else may run

A round is a fresh process with the base twice and the candidate once, as in benchmarks/gate/pairs.py, here with all
its samples kept in steps of STEP_S. From the same rounds, as if each had ended after so many seconds: the standard
deviation over rounds of the ratio's logarithm (in %, with its 95 % chi-squared interval), by CPU time. The networks are
those of about 8 ms, quiet and beside two busy neighbors. `start_s`: the median time from starting a process to its
first sample. Writes results/round_length.json.
"""

import argparse
import random
from itertools import cycle, permutations
from statistics import median
from time import monotonic
from typing import Any

import numpy as np
from scipy import stats
from tqdm import tqdm

from benchmarks.gate import pairs, qualify
from benchmarks.timing.process import BLOCK_S, BenchmarkCase, TimingWorker
from experiments.gate import neighbors
from experiments.record import write

ROUNDS, SECONDS, STEP_S = 24, 3.0, 0.2
LENGTHS = (0.2, 0.4, 0.6, 1.2, 1.8, 3.0)
CONFIDENCE = 0.95
FILES = {"base": "large", "again": "large", "candidate": "large_3"}


def one_round(names: tuple[str, ...], seed: int) -> tuple[float, dict[str, list[list[float]]]]:
    """How long it took to start, and by series the CPU milliseconds of each step's samples."""
    start = monotonic()
    cases = [BenchmarkCase(qualify.NETWORKS / f"{FILES[name]}.tflite") for name in names]
    taken: dict[str, list[list[float]]] = {name: [] for name in names}
    with TimingWorker(cases, seed=seed) as worker:
        worker.burst(worker.series, pairs.WARMUP_S)
        started = monotonic() - start
        for _ in range(round(SECONDS / STEP_S)):
            for name, samples in zip(names, worker.burst(worker.series, STEP_S, BLOCK_S), strict=True):
                taken[name].append(list(samples.cpu_ms))
    return started, taken


def log_ratio(taken: dict[str, list[list[float]]], steps: int) -> float:
    p50 = {name: median(ms for step in parts[:steps] for ms in step) for name, parts in taken.items()}
    return float(np.log(p50["candidate"]) - (np.log(p50["base"]) + np.log(p50["again"])) / 2)


def measure(busy: int) -> list[dict[str, Any]]:
    order = random.Random(1)
    loading = cycle(order.sample(list(permutations(FILES)), 6))
    with neighbors(busy):
        rounds = [one_round(next(loading), seed) for seed in tqdm(range(ROUNDS), desc=f"{busy} neighbors")]
    bounds = stats.chi2.ppf([(1 + CONFIDENCE) / 2, (1 - CONFIDENCE) / 2], ROUNDS - 1)
    rows = []
    for length in LENGTHS:
        logs = [log_ratio(taken, round(length / STEP_S)) for _, taken in rounds]
        deviation = 100 * float(np.std(logs, ddof=1))
        low, high = deviation * np.sqrt((ROUNDS - 1) / bounds)
        rows.append(
            {
                "busy": busy,
                "seconds": length,
                "deviation_percent": round(deviation, 3),
                "interval": [round(float(low), 3), round(float(high), 3)],
                "ratio": round(float(np.exp(np.median(logs))), 4),
                "rounds": ROUNDS,
                "start_s": round(median(started for started, _ in rounds), 3),
            }
        )
    return rows


def main() -> None:
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    write("round_length", [row for busy in (0, 2) for row in measure(busy)], "python -m experiments.round_length")


if __name__ == "__main__":
    main()
