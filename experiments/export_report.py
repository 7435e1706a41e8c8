"""What int8 costs each recipe: exports of trained runs, and how long the export of one of them takes.

    python -m experiments.export_report RUN…                         reads RUN/export/export.json
    python -m experiments.export_report --timed RUN --beside DIR     exports RUN anew; nothing else may run

RUN: a run folder whose export is there (its images in the cache too, where it is timed). --beside: another checkout,
such as one without the report; the two take turns. Adds to, or replaces in, results/export_report.json.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from resource import RUSAGE_CHILDREN, getrusage
from statistics import median
from time import perf_counter
from typing import Any

from device.data import run_record
from device.evaluation import exports
from experiments.record import RESULTS, ROOT, read, write

NAME = "export_report"
ROUNDS = 2


def row_of(run: Path) -> dict[str, Any]:
    """A row a run: float32 and int8 on the same test images."""
    record, made = run_record.read(run), exports.read(run / "export")
    rows = {row.variant: row for row in made.variants}
    float32, int8 = rows["float32"], rows["int8"]
    cost = int8.cost
    assert cost is not None
    return {
        "recipe": record.recipe_name,
        "data": record.data.name,
        "split": int8.split,
        "n": cost.n,
        **{f"float32_{key}": getattr(float32, key) for key in ("top1", "interval")},
        **{f"int8_{key}": getattr(int8, key) for key in ("top1", "interval")},
        **{key: getattr(cost, key) for key in ("changed", "lost", "won", "drop", "drop_interval", "p")},
    }


def timed(run: Path, checkout: Path) -> tuple[float, float]:
    """Seconds of `python -m export RUN` with everything made anew, elsewhere: by the clock, and of all processors."""
    with tempfile.TemporaryDirectory() as folder:
        words = [sys.executable, "-m", "export", str(run.resolve()), "--run", folder]
        start, before = perf_counter(), getrusage(RUSAGE_CHILDREN)
        subprocess.run(words, cwd=checkout, check=True, env={**os.environ, "PYTHONPATH": str(checkout)})
        after = getrusage(RUSAGE_CHILDREN)
        busy = after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
        return round(perf_counter() - start, 1), round(busy, 1)


def compared(run: Path, beside: Path) -> dict[str, Any]:
    """Each round exports here and beside; ratios are medians over the rounds."""
    rounds = [(timed(run, ROOT), timed(run, beside)) for _ in range(ROUNDS)]
    wall, busy = (median(ours[kind] / theirs[kind] for ours, theirs in rounds) for kind in (0, 1))
    return {
        "recipe": run_record.read(run).recipe_name,
        "images": len(exports.read(run / "export").calibration.rows),
        "here_s": [ours for ours, _ in rounds],
        "beside_s": [theirs for _, theirs in rounds],
        "wall_ratio": round(wall, 3),
        "processor_ratio": round(busy, 3),
    }


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("runs", nargs="*", type=Path, metavar="RUN")
    options.add_argument("--timed", type=Path, metavar="RUN")
    options.add_argument("--beside", type=Path, metavar="DIR")
    given = options.parse_args()
    kept = read(NAME) if (RESULTS / f"{NAME}.json").exists() else {"results": [], "timed": None}
    rows = {(row["recipe"], row["data"]): row for row in kept["results"]}
    rows |= {(row["recipe"], row["data"]): row for row in map(row_of, given.runs)}
    took = compared(given.timed, given.beside) if given.timed and given.beside else kept["timed"]
    write(NAME, list(rows.values()), "python -m experiments.export_report RUN…", timed=took)


if __name__ == "__main__":
    main()
