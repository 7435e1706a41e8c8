"""How every experiment's figures are kept: results/NAME.json with machine, command and date."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from device import files
from device.host import system

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "experiments/results"


def read(name: str) -> Any:
    """The document results/NAME.json."""
    return json.loads((RESULTS / f"{name}.json").read_bytes())


def write(name: str, rows: list[dict[str, Any]], command: str, folder: Path = RESULTS, **summary: Any) -> None:
    """One document: machine, command, date, the summary's fields, and a row a measurement."""
    document = {
        "schema": 1,
        "machine": vars(system.describe()),
        "command": command,
        "date": datetime.now(UTC).strftime("%Y-%m-%d"),
        **summary,
        "results": rows,
    }
    files.write_json(folder / f"{name}.json", document)
    print(folder / f"{name}.json")
