"""Gates where they are hardest: a limit of 1 %, limits near the truth, two threads, two busy neighbours.

    python -m experiments.gate_limits [--part one,near,threads] [--hours H]    it goes on where it stopped

    one       a limit of 1 %, quiet and beside two busy neighbours: a byte-for-byte copy, and a network of two layers
              more in sixty (about 3 %); 100 gates of each, a bit under two hours
    near      limits just below and above what is planted: about 8 % against 7 and 9, about 5 % against 4 and 6; quiet,
              25 gates of each, half an hour
    threads   the same as `one` with two threads, quiet, 25 gates of each, a quarter of an hour

The network is the one of about 8 ms. The copy lies at another path and is opened as a file of its own: where base and
candidate are one path, what a second file changes can't show. How much slower a larger network is is measured first,
in a long interleaved run without neighbours, for one thread and for two. Nothing else may run on the machine. Gates
are in random order within a part; a gate is added to results/gate_limits.json when it ends.
"""

import argparse
import os
import random
import shutil
import sys
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from time import monotonic
from typing import Any

from tqdm import tqdm

from benchmarks.gate import qualify
from experiments.gate import GATE_S, TRUTH_S, neighbours
from experiments.record import RESULTS, read, write

COMMAND = "python -m experiments.gate_limits"
NETWORK = "large"
COPY = "copy"


@dataclass(frozen=True)
class Cell:
    """candidate: COPY, or what the larger network's name ends in; busy: how many cores neighbours keep busy."""

    part: str
    candidate: str
    limit: float
    threads: int
    busy: int
    gates: int


CELLS = (
    *(Cell("one", candidate, 0.01, 1, busy, 100) for busy in (0, 2) for candidate in (COPY, "_3")),
    *(Cell("near", "_8", limit, 1, 0, 25) for limit in (0.07, 0.09)),
    *(Cell("near", "_5", limit, 1, 0, 25) for limit in (0.04, 0.06)),
    *(Cell("threads", candidate, 0.01, 2, 0, 25) for candidate in (COPY, "_3")),
)
PARTS = tuple(dict.fromkeys(cell.part for cell in CELLS))


def planned(part: str) -> list[tuple[Cell, int]]:
    """Every gate of a part, in random order, so that the hours are shared."""
    gates = [(cell, number) for cell in CELLS if cell.part == part for number in range(cell.gates)]
    random.Random(1).shuffle(gates)
    return gates


def gate(cell: Cell, number: int, seed: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="framelite-") as folder:
        path = qualify.NETWORKS / f"{NETWORK}{'' if cell.candidate == COPY else cell.candidate}.tflite"
        candidate = path if cell.candidate != COPY else Path(shutil.copyfile(path, Path(folder) / "copy.tflite"))
        with neighbours(cell.busy):
            start = monotonic()
            found = qualify.gate(NETWORK, candidate, cell.limit, cell.threads, GATE_S, seed)
            seconds = monotonic() - start
    return {**asdict(cell), "number": number, **asdict(found), "seconds": round(seconds, 2)}


def truth(cell: Cell) -> list[float]:
    """Of the larger network on this machine, without neighbours: interval and middle."""
    candidate = qualify.NETWORKS / f"{NETWORK}{cell.candidate}.tflite"
    found = qualify.truth(NETWORK, candidate, cell.threads, TRUTH_S)
    return [found.low, found.middle, found.high]


def truth_name(cell: Cell) -> str:
    return f"{cell.candidate} {cell.threads}"


def parts(text: str) -> list[str]:
    """A `type` for argparse."""
    named = text.split(",")
    if not set(named) <= set(PARTS):
        raise argparse.ArgumentTypeError(f"{text}: expected some of {','.join(PARTS)}")
    return named


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--part", type=parts, default=PARTS, help="default: one after the other")
    options.add_argument("--hours", type=float, default=24.0, help="stop after so long; the next call goes on")
    given = options.parse_args()
    end = monotonic() + 3600 * given.hours
    kept = read("gate_limits") if (RESULTS / "gate_limits.json").exists() else {"results": [], "truths": {}}
    rows, truths = kept["results"], kept["truths"]
    fields = tuple(Cell.__dataclass_fields__)
    done = {(Cell(**{name: row[name] for name in fields}), row["number"]) for row in rows}
    if os.getloadavg()[0] > 0.5:
        print("note: something else runs on this machine; its gates will show it", file=sys.stderr)
    left = [each for part in given.part for each in planned(part) if each not in done]
    for cell, number in tqdm(left, desc="gates", unit=" gates"):
        if monotonic() > end:
            break
        if cell.candidate != COPY and truth_name(cell) not in truths:
            truths[truth_name(cell)] = truth(cell)
        rows.append(gate(cell, number, len(rows) + 1))
        write("gate_limits", rows, COMMAND, truths=truths)


if __name__ == "__main__":
    main()
