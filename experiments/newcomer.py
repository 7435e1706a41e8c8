"""A newcomer's first two commands, for real: clone into an empty folder, empty HOME, `make train export`, and again.

    python -m experiments.newcomer          about 8 minutes on 2 cores; nothing else may run

Keeps wall times, what the commands printed, and the figures of the run: evaluation, export, benchmark (no raw samples).
The run itself is copied to runs/fashion_mnist, so that the other experiments measure the same model.
"""

import os
import shutil
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.documents import results
from device import records
from device.data import run_record
from device.evaluation import exports
from experiments.record import write

ROOT = Path(__file__).resolve().parents[1]


def timed(command: list[str], folder: Path, home: Path) -> tuple[float, str]:
    """(wall seconds, stdout); what goes to stderr is shown."""
    kept = {
        key: value for key, value in os.environ.items() if key not in ("FRAMELITE_CACHE", "KERAS_HOME", "MAKEFLAGS")
    }
    start = time.monotonic()
    done = subprocess.run(
        command, cwd=folder, env={**kept, "HOME": str(home)}, stdout=subprocess.PIPE, text=True, check=True
    )
    return round(time.monotonic() - start, 1), done.stdout


def without(document: dict[str, Any], *fields: str) -> dict[str, Any]:
    """The document without these fields."""
    return {key: value for key, value in document.items() if key not in fields}


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        home, clone = Path(name) / "home", Path(name) / "framelite"
        home.mkdir()
        subprocess.run(["git", "clone", "--quiet", str(ROOT), str(clone)], check=True)
        first_s, printed = timed(["make", "train", "export"], clone, home)
        second_s, _ = timed(["make", "train", "export"], clone, home)
        run = clone / "runs/fashion_mnist"
        record, export = run_record.read(run), exports.read(run / "export")
        benchmark = results.read(run / results.NAME)
        shutil.copytree(run, ROOT / "runs/fashion_mnist", dirs_exist_ok=True)
        Path(ROOT / "docs/images/fashion_mnist_history.png").write_bytes((run / "history.png").read_bytes())
        Path(ROOT / "docs/images/fashion_mnist_confusion.png").write_bytes((run / "confusion.png").read_bytes())
    rows = [without(row, "samples_ms", "warmup_ms", "sha256") for row in map(records.to_json, benchmark.results)]
    write(
        "newcomer",
        rows,
        "python -m experiments.newcomer",
        first_s=first_s,
        second_s=second_s,
        printed=[line for line in printed.splitlines() if not line.startswith((".venv", "python3", "touch", "make"))],
        training_s=record.wall_time_s,
        evaluation={"best_epoch": record.best_epoch, "parameters": record.parameters},
        export=[without(row, "per_class") for row in map(records.to_json, export.variants)],
    )


if __name__ == "__main__":
    main()
