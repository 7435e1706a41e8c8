"""Float against int8 for every recipe, with LiteRT and with tflite-runtime, interleaved recipe by recipe.

    python -m experiments.recipe_latency runs/…        half a minute a run; nothing else may run

Each run must be exported. Writes results/recipe_latency.json.
"""

import argparse
from pathlib import Path
from typing import Any

from benchmarks.documents import models
from benchmarks.measure import latency
from device import records
from device.data import run_record
from experiments.record import ROOT, write

SECONDS = 3.0
OTHER = ROOT / ".venv-tflite-runtime/bin/python"
FIELDS = (
    *("file", "variant", "runtime", "runtime_version", "threads", "error", "p50_ms", "p50_interval_ms", "p90_ms"),
    *("p99_ms", "processes", "n", "ratio_to_float32", "ratio_interval", "file_bytes", "peak_memory_bytes"),
    *("load_ms", "first_ms"),
    *("sustained", "top1", "interval", "accuracy_n"),
)


def measure(run: Path) -> list[dict[str, Any]]:
    """A row a variant of one run and runtime, as `benchmarks latency` measures it. Times are in ms."""
    engines = [latency.Engine(), latency.Engine(str(OTHER))]
    rows = latency.measure(models.find([run]), SECONDS, engines=engines, sustained_s=1.0).rows
    recipe, documents = run_record.read(run).recipe_name, [records.to_json(row) for row in rows]
    return [{"run": run.name, "recipe": recipe, **{field: row[field] for field in FIELDS}} for row in documents]


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("runs", nargs="+", type=Path)
    runs = options.parse_args().runs
    rows = [row for run in runs for row in measure(run)]
    write(
        "recipe_latency", rows, f"python -m experiments.recipe_latency {' '.join(f'runs/{run.name}' for run in runs)}"
    )


if __name__ == "__main__":
    main()
