"""How long an export takes with all that it measures, beside the export of before it measured that.

    python -m experiments.export_time RUN [--rounds N]        about 8 minutes on 2 cores; nothing else may run

RUN: a trained run whose images are in the cache, `transfer` for the figures in docs. Three exports of four variants
take turns, each in a fresh process: as it was at the commit BEFORE, which compares each file with Keras and does no
more; as it is; as it is with tflite-runtime, in which each file is tried too (`make test-setup` makes its environment).
A full clone is needed. Writes results/export_time.json.
"""

import argparse
import os
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from resource import RUSAGE_CHILDREN, getrusage
from time import perf_counter
from typing import Any

import numpy as np
import numpy.typing as npt

from device.data import run_record
from device.evaluation import exports
from experiments.interleaved import mean_ratio
from experiments.record import ROOT, write
from export.runtimes import environments

# The last one before an export compared files with float32, fitted temperatures and tried other runtimes.
BEFORE = "aae4996d4c0d0c80cf55f72de265de1d08806ee7"

# Seconds by the clock, and of all processors.
Took = tuple[float, float]


@dataclass(frozen=True)
class Side:
    """An export that is timed: of a checkout. runtime: the Python that has tflite-runtime; empty: none is tried."""

    name: str
    checkout: Path
    runtime: str = ""


def checked_out(scratch: Path) -> Path:
    """The repository as it was at BEFORE."""
    archive, folder = scratch / "before.tar", scratch / "checkout"
    subprocess.run(["git", "archive", "-o", archive, BEFORE], cwd=ROOT, check=True)
    with tarfile.open(archive) as opened:
        opened.extractall(folder, filter="data")
    return folder


def timed(run: Path, side: Side, scratch: Path) -> Took:
    """A whole `python -m export RUN`, with everything made anew."""
    words = [sys.executable, "-m", "export", str(run.resolve()), "--run", str(scratch / side.name), "--again"]
    env = {**os.environ, "PYTHONPATH": str(side.checkout), environments.VARIABLE: side.runtime}
    start, before = perf_counter(), getrusage(RUSAGE_CHILDREN)
    subprocess.run(words, cwd=side.checkout, env=env, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    wall, after = perf_counter() - start, getrusage(RUSAGE_CHILDREN)
    busy = after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
    print(f"{side.name}: {wall:.1f} s", flush=True)
    return round(wall, 2), round(busy, 2)


def one_round(run: Path, sides: Sequence[Side], scratch: Path, first: int) -> list[Took]:
    """Each side once, the one at place `first` first; in the order of sides."""
    order = [*sides[first:], *sides[:first]]
    took = {side.name: timed(run, side, scratch) for side in order}
    return [took[side.name] for side in sides]


def rows_of(names: Sequence[str], seconds: npt.NDArray[np.float64]) -> list[dict[str, Any]]:
    """seconds: rounds x exports x (by the clock, of all processors). Ratios are to the first export's."""
    logs = np.log(seconds / seconds[:, :1])
    rows = []
    for place, name in enumerate(names):
        row: dict[str, Any] = {"export": name}
        for kind, of in enumerate(("wall", "processor")):
            ratio, interval = mean_ratio(logs[:, place, kind])
            row |= {f"{of}_s": seconds[:, place, kind].tolist(), f"{of}_ratio": ratio, f"{of}_interval": interval}
        rows.append(row)
    return rows


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("run", type=Path, metavar="RUN")
    options.add_argument("--rounds", type=int, default=4, metavar="N", help="two at least (default 4)")
    given = options.parse_args()
    run = given.run
    with tempfile.TemporaryDirectory() as place:
        scratch = Path(place)
        before = Side("before", checked_out(scratch))
        sides = (before, Side("now", ROOT), Side("now_tflite_runtime", ROOT, str(environments.needed())))
        timed(run, before, scratch)  # compiles what was just checked out, and fills the disk's cache
        rounds = [one_round(run, sides, scratch, number % len(sides)) for number in range(given.rounds)]
        made = exports.read(scratch / "now/export")
    first = made.variants[0]
    write(
        "export_time",
        rows_of([side.name for side in sides], np.array(rounds)),
        "python -m experiments.export_time runs/transfer",
        recipe=run_record.read(run).recipe_name,
        before=BEFORE,
        variants=len(made.variants),
        calibrated_with=made.calibration.n,
        test_images=first.n,
        held_out=first.confidence.temperature.n if first.confidence else 0,
    )


if __name__ == "__main__":
    main()
