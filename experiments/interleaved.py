"""Processes that do one step on request, so that several can be measured interleaved."""

import subprocess
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
import numpy.typing as npt
from scipy import stats
from tqdm import tqdm

from experiments.record import ROOT

Command = Sequence[str | Path]


class Worker:
    """Runs a command that does one step per line on stdin, and ends it with a line on stdout."""

    def __init__(self, command: Command, folder: Path = ROOT) -> None:
        pipe = subprocess.PIPE
        words = list(map(str, command))
        self.process = subprocess.Popen(
            words, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL, text=True, cwd=folder
        )

    def step(self, asked: str = "") -> str:
        """Requests a step and returns its line. EOFError or BrokenPipeError if the process has ended."""
        assert self.process.stdin is not None and self.process.stdout is not None
        print(asked, file=self.process.stdin, flush=True)
        said = self.process.stdout.readline()
        if not said:
            raise EOFError(f"{self.process.args!r} ended with exit code {self.process.wait()}")
        return said

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *reason: object) -> None:
        assert self.process.stdin is not None and self.process.stdout is not None
        self.process.stdin.close()
        self.process.wait(30)
        self.process.stdout.close()


@dataclass(frozen=True)
class Side:
    """A worker that ends each step with the seconds that it took, and the folder that it runs in."""

    command: Command
    folder: Path = ROOT


@dataclass(frozen=True)
class Ratio:
    """The first side's time divided by the second's: the mean of the logarithms over pairs, with its 95 % t
    interval."""

    ratio: float
    interval: tuple[float, float]
    pairs: int
    rounds: int


def compare(first: Side, second: Side, pairs: int, rounds: int, what: str) -> Ratio:
    """Compares pairs of two fresh, interleaved processes, one per side; a pair's ratio is the median over rounds."""
    each = tqdm(range(pairs), desc=what, leave=False)
    logs = np.array([_pair((first, second), rounds, backwards=not number % 2) for number in each])
    return Ratio(*mean_ratio(logs), pairs, rounds)


def mean_ratio(logs: npt.NDArray[np.float64]) -> tuple[float, tuple[float, float]]:
    """The mean of ratios, given as their logarithms, and its 95 % t interval."""
    half = stats.t.ppf(0.975, len(logs) - 1) * stats.sem(logs)
    low, ratio, high = (round(float(np.exp(logs.mean() + by)), 4) for by in (-half, 0, half))
    return ratio, (low, high)


def _pair(sides: Sequence[Side], rounds: int, backwards: bool) -> float:
    """The logarithm of the ratio. The order alternates from pair to pair and from round to round."""
    logs = []
    with ExitStack() as stack:
        order = sides[::-1] if backwards else sides
        started = [stack.enter_context(Worker(side.command, side.folder)) for side in order]
        workers = started[::-1] if backwards else started
        for worker in started:
            worker.step()  # warm-up
        for number in range(rounds):
            took = [0.0, 0.0]
            for which in (0, 1) if number % 2 else (1, 0):
                took[which] = float(workers[which].step())
            logs.append(np.log(took[0] / took[1]))
    return float(np.median(logs))
