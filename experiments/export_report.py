"""What quantization costs each recipe: every variant beside float32 on the same test images, and its confidence.

    python -m experiments.export_report RUN…

RUN: a trained run whose images are in the cache; it is exported elsewhere and stays as it is. A row a run, which adds
to, or replaces in, results/export_report.json: of each variant accuracy, what it loses, the predictions that change,
and the calibration of its scores without and with the temperature.
"""

import argparse
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

from device.data import run_record
from device.data.run_record import RunRecord
from device.evaluation.exports import Export, ExportedVariant
from experiments.record import RESULTS, read, write
from experiments.runs import command_of
from export import export
from train.recipes import catalog

NAME = "export_report"
MEASURED = ("variant", "split", "n", "top1", "interval", "agreement", "file_bytes", "failures")
COST = ("drop", "drop_interval", "p", "changed", "lost", "won")


def row_of(record: RunRecord, made: Export) -> dict[str, Any]:
    return {
        "recipe": record.recipe_name,
        "data": record.data.name,
        "command": _trained_by(record),
        "epochs": record.recipe["epochs"],
        "calibrated_with": made.calibration.n,
        "variants": [_variant(row) for row in made.variants],
    }


def _trained_by(record: RunRecord) -> str:
    """The command. The place of a folder isn't in it, only its name."""
    command = command_of(record.kind, record.recipe)
    is_own = record.recipe["data"] != catalog.get(record.recipe_name).data.source
    return f"{command} --data {record.data.name}" if is_own else command


def _variant(row: ExportedVariant) -> dict[str, Any]:
    return {
        **{key: getattr(row, key) for key in MEASURED},
        **{key: getattr(row.cost, key, None) for key in COST},
        "confidence": row.confidence and asdict(row.confidence),
    }


def study(run: Path) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as place:
        models = export(run, run=Path(place) / run.name)
        print(run, *models.lines(), sep="\n", flush=True)
        return row_of(run_record.read(run), models.record)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("runs", nargs="+", type=Path, metavar="RUN")
    for run in options.parse_args().runs:
        _keep(study(run))


def _keep(row: dict[str, Any]) -> None:
    """At once: other runs may be exported by another process."""
    before = read(NAME)["results"] if (RESULTS / f"{NAME}.json").exists() else []
    rows = {(one["recipe"], one["data"]): one for one in (*before, row)}
    write(NAME, list(rows.values()), "python -m experiments.export_report RUN…")


if __name__ == "__main__":
    main()
