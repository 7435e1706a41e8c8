"""What `select` makes of files and numbers of threads whose truth is known, by simulation: nothing is timed.

    python -m experiments.select_simulation        about two minutes on a quiet machine; the same figures every time

Files: four, of which the fastest may be less accurate. They are right about the same images but for a few: each is
drawn from one common set of predictions, of which it changes a share. Which files does `select` leave out, and by how
much is the accuracy too high that it says of the best and of the chosen one?

Threads: one and two, timed by eight processes. What a process does to everything in it (`shared`) and to one case
alone (`own`) are factors with normal logarithms. Which number does `select` choose?

Odd process: of eight whose medians differ by 1 %, one is 20 % slower. How far does that move estimate and interval?

The functions of the product are called as they are (benchmarks.select.choose.choose). Beside them the rules of before:
files by their accuracies alone, threads by whether their own intervals overlap.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.documents.rows import LatencyRow
from benchmarks.select import choose
from benchmarks.statistics import stats
from device.model.variants import DEFAULT
from experiments.record import write

RUNS = 1_000
SEED = 1
MOST_DROP = 0.01
ACCURACY = 0.9
PROCESSES = 8
COMMAND = "python -m experiments.select_simulation"
# n images, the share of them about which two files disagree, what the fastest truly loses.
FILES = (
    *(
        (200, 0.02, 0.0),
        (200, 0.035, 0.0),
        (200, 0.1, 0.0),
        (200, 0.18, 0.0),
        (1_000, 0.035, 0.0),
        (10_000, 0.035, 0.0),
    ),
    *((200, 0.035, 0.03), (200, 0.035, 0.1), (1_000, 0.035, 0.03), (1_000, 0.035, 0.05), (10_000, 0.035, 0.02)),
)
# Standard deviations of the logarithms: shared, own; by how much two threads are faster.
THREADS = (
    *((0.02, 0.01, 0.07), (0.05, 0.005, 0.07), (0.05, 0.01, 0.07), (0.05, 0.02, 0.07), (0.05, 0.04, 0.07)),
    *((0.05, 0.01, 0.02), (0.02, 0.01, 0.0), (0.05, 0.01, 0.0), (0.05, 0.04, 0.0)),
)


def row(name: str, medians_ms: npt.NDArray[np.float64], threads: int, top1: float, n: int) -> LatencyRow:
    """Of a latency document's row what `choose` reads."""
    interval = stats.geometric_center(list(medians_ms))
    assert interval is not None
    return LatencyRow(
        file=name,
        sha256=name,
        threads=threads,
        top1=top1,
        accuracy_n=n,
        p50_ms=float(np.median(medians_ms)),
        p50_interval_ms=(interval.low, interval.high),
        p50_by_process_ms=tuple(medians_ms.tolist()),
    )


def files(random: np.random.Generator, n: int, disagree: float, loss: float) -> dict[str, Any]:
    """One cell. A file that changes a share s of the common predictions disagrees with another in about 2 s (1 - s)."""
    share = (1 - (1 - 2 * disagree) ** 0.5) / 2
    true = ACCURACY * (1 - share) + (1 - ACCURACY) * share
    truths = dict.fromkeys(DEFAULT, true) | {DEFAULT[-1]: true - loss}
    kept, out, kept_before, out_before, too_high = 0, 0, 0, 0, []
    for _ in range(RUNS):
        common = random.random(n) < ACCURACY
        answers = {name: common ^ (random.random(n) < share) for name in DEFAULT}
        answers[DEFAULT[-1]] &= random.random(n) >= loss / true
        top1 = {name: float(right.mean()) for name, right in answers.items()}
        times = dict(zip(DEFAULT, (4.0, 3.0, 2.0, 1.0), strict=True))
        rows = [row(name, np.full(PROCESSES, times[name]), 1, top1[name], n) for name in DEFAULT]
        right = {name: dict(zip(map(str, range(n)), map(bool, hits), strict=True)) for name, hits in answers.items()}
        found = choose.choose(rows, MOST_DROP, right)
        beyond = [name for name in DEFAULT if found.losses.of[name].standing == "beyond"]
        before = [name for name in DEFAULT if top1[name] < max(top1.values()) - MOST_DROP - 1e-9]
        kept, out = kept + (not beyond), out + (DEFAULT[-1] in beyond)
        kept_before, out_before = kept_before + (not before), out_before + (DEFAULT[-1] in before)
        chosen = found.chosen.file
        errors = [top1[name] - truths[name] for name in (found.losses.best, chosen)]
        too_high.append([*errors, found.losses.flattery])
    best, chosen_one, bound = np.mean(too_high, axis=0)
    return {
        **{"kind": "files", "n": n, "disagree": disagree, "loss": loss, "runs": RUNS},
        **{
            "all_in": kept,
            "fastest_out": out,
            "all_in_by_estimates": kept_before,
            "fastest_out_by_estimates": out_before,
        },
        **{"best_too_high": float(best), "chosen_too_high": float(chosen_one), "bound": float(bound)},
    }


def threads(random: np.random.Generator, shared: float, own: float, faster: float) -> dict[str, Any]:
    """One cell."""
    two, two_before = 0, 0
    for _ in range(RUNS):
        moment = random.normal(0, shared, PROCESSES)
        rows = [
            row("int8", base_ms * np.exp(moment + random.normal(0, own, PROCESSES)), count, ACCURACY, 10_000)
            for count, base_ms in ((1, 1.0), (2, 1 / (1 + faster)))
        ]
        two += choose.choose(rows, MOST_DROP).chosen.threads == 2
        one_ms, two_ms = (timed.p50_interval_ms for timed in rows)
        assert one_ms is not None and two_ms is not None
        two_before += two_ms[1] < one_ms[0]
    return {
        **{"kind": "threads", "shared": shared, "own": own, "faster": faster, "runs": RUNS},
        **{"two_chosen": two, "two_chosen_by_intervals": two_before},
    }


def odd_process(random: np.random.Generator, own: float = 0.01, slower: float = 0.2) -> dict[str, Any]:
    """How far the bounds and the estimate move where one of eight processes is slower. own: standard deviation of a
    process' median; slower: the odd one's slowdown; both as shares.
    """
    moves = []
    for _ in range(RUNS):
        medians = np.exp(random.normal(0, own, PROCESSES))
        odd = medians * np.array([1 + slower, *[1.0] * (PROCESSES - 1)])
        before, after = stats.geometric_center(list(medians)), stats.geometric_center(list(odd))
        assert before is not None and after is not None
        moves.append([after.low / before.low, after.middle / before.middle, after.high / before.high])
    low, middle, high = np.mean(moves, axis=0) - 1
    return {
        **{"kind": "odd process", "own": own, "slower": slower, "runs": RUNS},
        **{"low": float(low), "middle": float(middle), "high": float(high)},
    }


def main() -> None:
    # A stream for each cell: one that is added changes no other.
    rows = [files(np.random.default_rng([SEED, 1, place]), *cell) for place, cell in enumerate(FILES)]
    rows += [threads(np.random.default_rng([SEED, 2, place]), *cell) for place, cell in enumerate(THREADS)]
    rows.append(odd_process(np.random.default_rng([SEED, 3, 1])))
    write("select_simulation", rows, COMMAND)


if __name__ == "__main__":
    main()
