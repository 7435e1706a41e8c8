"""Keeps the figures of trained (and exported) run folders for the tables in docs/training.md.

    python -m experiments.runs RUN…        adds to, or replaces in, results/runs.json

A run's command is made from its run.json: the recipe's name and the fields that differ from the recipe's defaults.
"""

import argparse
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from device.data import run_record
from device.evaluation import exports
from experiments.record import RESULTS, write
from train.run import evaluation

# Of export.json: drop is what int8 loses to float32 on the same images, as a fraction.
INT8 = ("top1", "n", "interval", "drop", "drop_interval", "file_bytes")


def command_of(kind: str, recipe: Mapping[str, Any]) -> str:
    """The command that trains a recorded recipe: its name, and the fields that differ from the recipe's own."""
    from device.declared import text
    from train.recipes import catalog, classical, settings

    name = recipe["name"]
    now = settings.flat(classical.CLASSICAL if name == classical.CLASSICAL.name else catalog.get(name))
    types = settings.types(settings.KINDS[kind])
    changes = [
        f"{field}={text(value, types[field])}"
        for field, value in settings.flat(settings.recorded(settings.KINDS[kind], recipe)).items()
        if field not in ("name", "description", "data") and value != now[field]
    ]
    return " ".join([f"python -m train {name}", *(f"--set {change}" for change in changes)])


def row_of(run: Path) -> dict[str, Any]:
    """A run's row: shares are 0 to 1, times in seconds; of int8 what its export.json has."""
    record = run_record.read(run)
    found = evaluation.read(evaluation.Evaluation, run)
    row = {
        "recipe": record.recipe_name,
        "command": command_of(record.kind, record.recipe),
        "wall_time_s": record.wall_time_s,
        "best_epoch": record.best_epoch,
        "epochs": record.recipe.get("epochs", 0) + record.recipe.get("fine_tune_epochs", 0),
        "train": record.data.train,
        "seed": record.seed,
        "git_commit": record.git_commit,
        "load_1min": record.machine and record.machine.load_1min,  # when it began: what else the machine did
        **{key: getattr(found, key) for key in ("top1", "n", "interval")},
        "last_top1": found.last_epoch and found.last_epoch.top1,
        "int8": None,
    }
    if (run / "export" / exports.NAME).exists():
        for variant in exports.read(run / "export").variants:
            if variant.variant == "int8" and variant.file:
                row["int8"] = {key: getattr(variant, key) for key in INT8}
    return row


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("runs", nargs="+", type=Path)
    asked = options.parse_args()
    kept = RESULTS / "runs.json"
    rows = {row["command"]: row for row in json.loads(kept.read_bytes())["results"]} if kept.exists() else {}
    rows |= {row["command"]: row for row in map(row_of, asked.runs)}
    write("runs", list(rows.values()), "python -m experiments.runs runs/…")


if __name__ == "__main__":
    main()
