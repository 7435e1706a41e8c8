"""The tables of docs/training.md that are made from results/*.json: runs, augmentation."""

import json
from typing import Any

from device import text
from experiments.record import RESULTS

# What was reported elsewhere for the same task; the course chapter's figures are of its validation pictures.
REPORTED = {
    "cifar10_tutorial": "chapter: 65.75 % (validation)",
    "cats_vs_dogs_tutorial": "chapter: 71.0 % (validation)",
    "cats_vs_dogs_mobilenet": "chapter: not of cats and dogs, see above",
    "cifar10": "MLPerf Tiny's int8 file: 86.97 %; its quality target 85 %",
    "cifar10_resnet8": "MLPerf Tiny's float file: 87.19 %",
}


def document(name: str) -> dict[str, Any]:
    path = RESULTS / f"{name}.json"
    found: dict[str, Any] = json.loads(path.read_bytes()) if path.exists() else {"results": []}
    return found


def runs() -> tuple[tuple[str, ...], list[list[str]], str]:
    """(header, rows, what stands below)."""
    kept = document("runs")
    rows = [
        [
            f"`{row['command']}`",
            text.accuracy(row["top1"], row["interval"], row["n"]),
            text.percent(row["int8"]["top1"]) if row["int8"] else "-",
            f"{row['wall_time_s'] / 60:.1f} min" if row["wall_time_s"] >= 100 else f"{row['wall_time_s']:.0f} s",
            REPORTED.get(row["recipe"], "-"),
        ]
        for row in kept["results"]
    ]
    header = ("command", "test accuracy", "int8", "wall time", "reported elsewhere")
    return header, rows, _measured(kept)


def augmentation() -> tuple[tuple[str, ...], list[list[str]], str]:
    kept = document("augmentation")
    rows = [[row["what"], f"{row['pictures_per_s']:,.0f}"] for row in kept["results"]]
    ratio = f"{kept['ratio']:.1f} times as many in one run. " if rows else ""
    return (f"all six at {kept.get('size')}x{kept.get('size')}", "pictures a second"), rows, ratio + _measured(kept)


def _measured(kept: dict[str, Any]) -> str:
    if not kept["results"]:
        return "Not measured yet."
    machine = kept["machine"]
    return f"Measured {kept['date']} on {machine['cores']} cores of {machine['cpu']}: `{kept['command']}`"
