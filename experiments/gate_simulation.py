"""How often the gate's rule is wrong, and how often its intervals hold the truth, on rounds that are made up.

    python -m experiments.gate_simulation [--minutes M]     a few minutes; it goes on where it stopped

Gates are judged as `gate` judges them: after each round verdict.is_certain, at the end verdict.judge, 30 rounds at most
(about what 20 s hold for a network of 10 ms). Only looks that can't be certain are passed over, to save time: those at
which the limit lies inside the plain interval, which the rule only ever widens. 2,000 gates a cell: six kinds of noise,
three sizes, limits of 1, 2 and 5 %, a candidate that is as fast, one exactly at the limit, and one two points beyond
it. `size` is the standard deviation of a series' time from round to round; of the network of 8 ms it is 2.6 % in
results/round_length.json, where a ratio, which holds three series, varies by 3.1 %. At the first size and limit other
rules as well: without the test of dependence, and as it was before that, when an early end asked for 99 %.

Noise: normal; heavy-tailed (Student's t with 3 degrees of freedom); skewed (exponential, to the slow side); drifting
(normal; while all series become 10 % slower the candidate goes from half a size too slow to half a size too fast); and
AR(1) with 0.5 and 0.8, where each series' time has that much of the previous round.
"""

import argparse
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from math import inf
from multiprocessing import Pool
from time import monotonic
from typing import Any
from unittest.mock import patch

import numpy as np
import numpy.typing as npt
from tqdm import tqdm

from benchmarks.gate import dependence, verdict
from benchmarks.gate.pairs import Round, RoundSamples
from benchmarks.gate.verdict import Verdict
from benchmarks.statistics import stats
from device.host import system
from experiments.record import RESULTS, read, write

COMMAND = "python -m experiments.gate_simulation"
GATES, ROUNDS, SEED = 2_000, 30, 24
NOISES = ("normal", "heavy-tailed", "drifting", "skewed", "AR(1) 0.5", "AR(1) 0.8")
SIZES = (0.01, 0.02, 0.03)
LIMITS = (0.01, 0.02, 0.05)
BEYOND = 0.02
ROUNDING = 1e-9
# What the product's constants are in each rule: the test's thresholds, an early end's confidence, and its rounds.
RULES = {
    "product": (
        *(dependence.SUSPICIOUS, dependence.EARLY_SUSPICIOUS),
        *(verdict.EARLY_CONFIDENCE, verdict.EARLIEST),
    ),
    "no test": (-inf, -inf, verdict.EARLY_CONFIDENCE, verdict.EARLIEST),
    "before": (-inf, -inf, 0.99, 8),
}
# The deviation of a series, as a logarithm: gates x rounds x (base, again, candidate).
Deviations = npt.NDArray[np.float64]


def deviations(noise: str, size: float, gates: int, random: np.random.Generator) -> Deviations:
    """Relative deviations of times: gates x rounds x (base, again, candidate).

    size: their standard deviation, 0.01 for 1 %.
    """
    shape = (gates, ROUNDS, 3)
    if noise == "heavy-tailed":
        return np.asarray(size * random.standard_t(3, shape) / np.sqrt(3), np.float64)
    if noise == "skewed":
        return size * (random.standard_exponential(shape) - 1)
    found: Deviations = size * random.standard_normal(shape)
    if noise == "drifting":
        found += np.linspace(0, 0.1, ROUNDS)[:, None]
        found[..., 2] += size * np.linspace(0.5, -0.5, ROUNDS)
    elif noise.startswith("AR(1)"):
        kept = float(noise.split()[1])
        for number in range(1, ROUNDS):
            found[:, number] = kept * found[:, number - 1] + np.sqrt(1 - kept**2) * found[:, number]
    return found


def open_looks(off: Deviations, truth: float, limit: float) -> npt.NDArray[np.bool_]:
    """gates x (rounds + 1): whether the plain interval after so many rounds leaves the limit on one side."""
    ratios = np.log(truth) + off[..., 2] - (off[..., 0] + off[..., 1]) / 2
    found = np.zeros((len(off), ROUNDS + 1), np.bool_)
    for count in range(verdict.EARLIEST, ROUNDS + 1):
        rank = stats.critical_rank(count, (1 - verdict.EARLY_CONFIDENCE) / 2)
        first, second = np.triu_indices(count)
        means = np.sort((ratios[:, first] + ratios[:, second]) / 2, axis=1)
        low, high = means[:, rank - 1], means[:, -rank]
        found[:, count] = (np.log1p(limit) < low + ROUNDING) | (high - ROUNDING < np.log1p(limit))
    return found


def gate(off: Deviations, truth: float, limit: float, looks: npt.NDArray[np.bool_] | None = None) -> Verdict:
    """One gate of a candidate that takes `truth` of the base's time, as `gate` goes about it. off: rounds x 3; looks:
    after how many rounds it is asked whether it may end, None: each time.
    """
    taken: list[Round] = []
    for base, again, candidate in 8 * np.exp(off) * (1.0, 1.0, truth):
        taken.append(Round(*map(_lane, (base, again, candidate))))
        if (looks is None or looks[len(taken)]) and verdict.is_certain(taken, 1, limit):
            break
    return verdict.judge(taken, 1, limit)


def _lane(ms: float) -> RoundSamples:
    n = 50
    return RoundSamples(ms, ms, ms, ms, n * ms, n * ms, n, 0)


@contextmanager
def ruled(rule: str) -> Iterator[None]:
    """The product's rule with the constants of one of RULES."""
    score, early_score, confidence, earliest = RULES[rule]
    with (
        patch.object(dependence, "SUSPICIOUS", score),
        patch.object(dependence, "EARLY_SUSPICIOUS", early_score),
        patch.object(verdict, "EARLY_CONFIDENCE", confidence),
        patch.object(verdict, "EARLIEST", earliest),
    ):
        yield


def cell(noise: str, size: float, limit: float, truth: float, rule: str, gates: int = GATES) -> dict[str, Any]:
    """How often each answer came in gates of one kind, and how often the interval held the truth.

    limit, truth: 0.05 for 5 % slower; rule: see `ruled`.
    """
    random = np.random.default_rng([SEED, NOISES.index(noise), *(round(1e4 * each) for each in (size, limit, truth))])
    off = deviations(noise, size, gates, random)
    with ruled(rule):
        looks = open_looks(off, 1 + truth, limit)
        found = [gate(one, 1 + truth, limit, at) for one, at in zip(off, looks, strict=True)]
    answers = Counter(each.answer for each in found)
    intervals = [each.ratio for each in found if each.ratio is not None]
    return {
        "noise": noise,
        "size": size,
        "limit": limit,
        "truth": truth,
        "rule": rule,
        "gates": gates,
        "regression": answers["regression"],
        "no_regression": answers["no regression"],
        "cannot_tell": answers["can't tell"],
        "dependent": sum(each.dependent for each in found),
        "covered": sum(each.low <= 1 + truth <= each.high for each in intervals),
        "mean_rounds": round(sum(each.rounds for each in found) / gates, 2),
    }


def planned() -> list[tuple[str, float, float, float, str]]:
    """The cells: noise, size, limit, truth, rule."""
    first = (SIZES[0], LIMITS[0])
    return [
        (noise, size, limit, truth, rule)
        for noise in NOISES
        for size in SIZES
        for limit in LIMITS
        for truth in (0.0, limit, round(limit + BEYOND, 4))
        for rule in (RULES if (size, limit) == first else ("product",))
    ]


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--minutes", type=float, default=600.0, help="stop after so long; the next call goes on")
    end = monotonic() + 60 * options.parse_args().minutes
    rows: list[dict[str, Any]] = read("gate_simulation")["results"] if _begun() else []
    done = {(row["noise"], row["size"], row["limit"], row["truth"], row["rule"]) for row in rows}
    left = [each for each in planned() if each not in done]
    with Pool(system.usable_cores()) as pool:
        for row in tqdm(pool.imap(_cell, left), desc="cells", unit=" cells", total=len(left)):
            rows.append(row)
            if monotonic() > end:
                break
    write("gate_simulation", rows, COMMAND, seed=SEED)


def _cell(words: tuple[str, float, float, float, str]) -> dict[str, Any]:
    return cell(*words)


def _begun() -> bool:
    return (RESULTS / "gate_simulation.json").exists()


if __name__ == "__main__":
    main()
