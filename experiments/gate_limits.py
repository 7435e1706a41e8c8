"""Gates where they are hardest: a limit of 1 %, limits near the truth, two threads, two busy neighbors.

    python -m experiments.gate_limits [--part one,near,threads] [--hours H] [--cores GROUP...] [--document NAME]

    one       a limit of 1 %, quiet and beside two busy neighbors: a byte-for-byte copy, and a network of two layers
              more in sixty (about 3 %); 100 gates of each, a bit under two hours
    near      limits just below and above what is planted: about 8 % against 7 and 9, about 5 % against 4 and 6; quiet,
              25 gates of each, half an hour
    threads   the same as `one` with two threads, quiet, 25 gates of each, a quarter of an hour

The network is the one of about 8 ms. The copy lies at another path and is opened as a file of its own: where base and
candidate are one path, what a second file changes can't show. How much slower a larger network is is measured first,
in a long interleaved run without neighbors, for one thread and for two. Nothing else may run on the machine. Gates
are in random order within a part; a gate is added to results/gate_limits.json when it ends, and the next call on the
same machine goes on from there.

`--cores 0 1 2,3 4,5` runs four gates side by side, each on a group of cores of its own, its neighbors included; what
takes two cores is left out where no group has them. Two neighbors fill a group of two cores, and no larger one.
`--document gate_limits_shared` writes results/gate_limits_shared.json, for a machine that others use too.
"""

import argparse
import os
import random
import shutil
import sys
import tempfile
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from time import monotonic
from typing import Any

from tqdm import tqdm

from benchmarks.gate import qualify
from device.host import system
from experiments import core_groups
from experiments.gate import GATE_S, TRUTH_S, neighbors
from experiments.record import RESULTS, read, write

COMMAND = "python -m experiments.gate_limits"
# Of a machine that has nothing else to do, and of one that others use too.
DOCUMENTS = ("gate_limits", "gate_limits_shared")
NETWORK = "large"
COPY = "copy"


@dataclass(frozen=True)
class Cell:
    """candidate: COPY, or what the larger network's name ends in; busy: how many cores neighbors keep busy."""

    part: str
    candidate: str
    limit: float
    threads: int
    busy: int
    gates: int

    @property
    def cores(self) -> int:
        """How many it takes."""
        return max(1, self.threads, self.busy)


# The number of a cell's gate; None: how much slower the candidate really is.
Task = tuple[Cell, int | None]
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
    """One gate of a cell, for the document: the cell, the number, the verdict, seconds and usable cores."""
    with tempfile.TemporaryDirectory(prefix="framelite-") as folder:
        path = qualify.NETWORKS / f"{NETWORK}{'' if cell.candidate == COPY else cell.candidate}.tflite"
        candidate = path if cell.candidate != COPY else Path(shutil.copyfile(path, Path(folder) / "copy.tflite"))
        with neighbors(cell.busy):
            start = monotonic()
            found = qualify.gate(NETWORK, candidate, cell.limit, cell.threads, GATE_S, seed)
            seconds = monotonic() - start
    cores = system.usable_cores()
    return {**asdict(cell), "number": number, **asdict(found), "seconds": round(seconds, 2), "cores": cores}


def truth(cell: Cell) -> list[float]:
    """Of the larger network on this machine, without neighbors: interval and middle."""
    candidate = qualify.NETWORKS / f"{NETWORK}{cell.candidate}.tflite"
    found = qualify.truth(NETWORK, candidate, cell.threads, TRUTH_S)
    return [found.low, found.middle, found.high]


def truth_name(cell: Cell) -> str:
    """The key of a candidate's true slowdown in the document: it depends on the number of threads too."""
    return f"{cell.candidate} {cell.threads}"


def measure(task: Task) -> tuple[Task, Any]:
    """The result of one task: a gate, or the true slowdown where it has no number."""
    cell, number = task
    seed = 1 + (number or 0) + sum(each.gates for each in CELLS[: CELLS.index(cell)])
    return task, truth(cell) if number is None else gate(cell, number, seed)


def left(part: str, rows: list[dict[str, Any]], truths: dict[str, list[float]]) -> list[Task]:
    """What a part has still to measure, what is true first."""
    fields = tuple(Cell.__dataclass_fields__)
    done = {(Cell(**{name: row[name] for name in fields}), row["number"]) for row in rows}
    gates = [each for each in planned(part) if each not in done]
    larger = {truth_name(cell): replace(cell, busy=0) for cell, _ in gates if cell.candidate != COPY}
    return [*((cell, None) for name, cell in larger.items() if name not in truths), *gates]


def parts(text: str) -> list[str]:
    """A `type` for argparse."""
    named = text.split(",")
    if not set(named) <= set(PARTS):
        raise argparse.ArgumentTypeError(f"{text}: expected some of {','.join(PARTS)}")
    return named


def is_same_machine(one: dict[str, Any], other: dict[str, Any]) -> bool:
    """Whether two descriptions of machines may be continued in one document."""
    return all(one[name] == other[name] for name in ("cpu", "board", "architecture", "cores", "memory_bytes", "system"))


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--part", type=parts, default=PARTS, help="default: one after the other")
    options.add_argument("--hours", type=float, default=24.0, help="stop after so long; the next call goes on")
    options.add_argument("--document", choices=DOCUMENTS, default=DOCUMENTS[0], help="where the gates are kept")
    options.add_argument(
        "--cores",
        nargs="+",
        type=core_groups.group,
        default=core_groups.whole_machine(),
        metavar="GROUP",
        help="gates side by side, each on its own group, as in 0 1 2,3; default: one at a time, on all cores",
    )
    given = options.parse_args()
    end = monotonic() + 3600 * given.hours
    name = given.document
    kept = read(name) if (RESULTS / f"{name}.json").exists() else {"results": [], "truths": {}}
    if "machine" in kept and not is_same_machine(kept["machine"], vars(system.describe())):
        options.error(f"results/{name}.json is from another machine, expected this one; move it away to start again")
    if not core_groups.are_disjoint(given.cores):
        options.error("two groups of --cores share a core; expected cores of its own for each")
    rows, truths = kept["results"], kept["truths"]
    tasks = [task for part in given.part for task in left(part, rows, truths)]
    if os.getloadavg()[0] > 0.5:
        print("note: something else runs on this machine; its gates will show it", file=sys.stderr)
    measured = core_groups.run(given.cores, tasks, lambda task: task[0].cores, measure, end)
    for (cell, number), found in tqdm(measured, desc="gates", unit=" gates", total=len(tasks)):
        if number is None:
            truths[truth_name(cell)] = found
        else:
            rows.append({**found, "side_by_side": len(given.cores)})
        write(name, rows, COMMAND, truths=truths)


if __name__ == "__main__":
    main()
