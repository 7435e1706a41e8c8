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
    """One document: machine, command, date, the summary's fields, and a row a measurement.

    A row that the document has already, and that was measured on another day or machine, says so (`measured`).
    """
    path = folder / f"{name}.json"
    document: dict[str, Any] = {
        "schema": 1,
        "machine": vars(system.describe()),
        "command": command,
        "date": datetime.now(UTC).strftime("%Y-%m-%d"),
        **summary,
    }
    before = json.loads(path.read_bytes()) if path.exists() else {"results": []}
    document["results"] = [_with_origin(json.loads(json.dumps(row)), document, before) for row in rows]
    files.write_json(path, document)
    print(path)


def origin(document: dict[str, Any]) -> dict[str, Any]:
    """The day and the machine of the rows that name none of their own."""
    return {"date": document["date"], **{key: document["machine"][key] for key in ("cpu", "cores")}}


def _with_origin(row: dict[str, Any], now: dict[str, Any], before: dict[str, Any]) -> dict[str, Any]:
    is_kept = row in before["results"] and "measured" not in row and origin(before) != origin(now)
    return {**row, "measured": origin(before)} if is_kept else row
