"""The table of boards that users add to, docs/boards.json: a row from a result document, what a row must be, the table.

    python -m benchmarks.boards.rows RESULT.json --by NAME --cooling WORDS --power WORDS [--date YYYY-MM-DD]

adds a row for each model of the result to docs/boards.json; nobody types a figure.
"""

import argparse
import datetime
import json
import re
from pathlib import Path
from typing import Any

from benchmarks import results
from device import command, files, text, throttling
from device.errors import UserError

ROOT = Path(__file__).resolve().parents[2]
TABLE = ROOT / "docs/boards.json"
SCHEMA = 1
# A board's name begins so, as its device tree says it, and has that processor. A board that isn't here: add it.
BOARDS = {
    "Raspberry Pi 5": "Cortex-A76",
    "Raspberry Pi 500": "Cortex-A76",
    "Raspberry Pi Compute Module 5": "Cortex-A76",
    "Raspberry Pi 4": "Cortex-A72",
    "Raspberry Pi 400": "Cortex-A72",
    "Raspberry Pi Compute Module 4": "Cortex-A72",
    "Raspberry Pi 3": "Cortex-A53",
    "Raspberry Pi Compute Module 3": "Cortex-A53",
    "Raspberry Pi Zero 2": "Cortex-A53",
}
OF_THE_MACHINE = ("board", "cpu", "architecture", "cores", "governor", "system")
OF_THE_RESULT = (
    "file",
    "sha256",
    "variant",
    "runtime",
    "runtime_version",
    "threads",
    "p50_ms",
    "p90_ms",
    "p99_ms",
    "processes",
    "temperature_c",
)
OF_THE_USER = ("by", "cooling", "power", "date")
SUSTAINED = ("what", "seconds", "cold_p50_ms", "p50_ms")
FIELDS = {*OF_THE_MACHINE, *OF_THE_RESULT, *OF_THE_USER, "sustained", "throttled", "bits"}
EMPTY = "Nobody has added a board yet; yours would be the first."
FIRST_DAY = datetime.date(2026, 1, 1)
LONGEST_MS = 60_000


def make(document: dict[str, Any], given: dict[str, str]) -> list[dict[str, Any]]:
    """A row for each row of a latency result. given: what the document doesn't know, OF_THE_USER.

    Whether nothing held the board back is known of one measured over ssh alone; else only what was noted is.
    """
    machine, known = document["machine"], document["machine"].get("throttling")
    return [
        {
            **{field: machine[field] for field in OF_THE_MACHINE},
            "bits": machine["fingerprint"]["bits"],
            **{field: row[field] for field in OF_THE_RESULT},
            "sustained": row["sustained"] and {field: row["sustained"][field] for field in SUSTAINED},
            "throttled": known["measuring"] if known else row["throttled"] or None,
            **{field: given[field] for field in OF_THE_USER},
        }
        for row in document["results"]
        if row["error"] is None
    ]


def mistakes(document: Any, today: datetime.date) -> list[str]:
    """What is wrong with a table, a line each; an empty list for a good one."""
    if not isinstance(document, dict) or set(document) != {"schema", "rows"} or document["schema"] != SCHEMA:
        return [f'expected {{"schema": {SCHEMA}, "rows": […]}} and nothing else']
    found = []
    for number, row in enumerate(document["rows"], 1):
        found += [f"row {number}: {mistake}" for mistake in _of_row(row, today)]
    unique = ("board", "cpu", "file", "sha256", "runtime", "threads", "by", "date")
    names = [tuple(row.get(field) for field in unique) for row in document["rows"] if isinstance(row, dict)]
    found += [f"row {number}: is there twice" for number, name in enumerate(names, 1) if name in names[: number - 1]]
    return found


def _of_row(row: Any, today: datetime.date) -> list[str]:
    if not isinstance(row, dict):
        return [f"expected an object, not {row!r}"]
    if set(row) != FIELDS:
        return [f"expected the fields {', '.join(sorted(FIELDS))}; differing: {', '.join(sorted(set(row) ^ FIELDS))}"]
    checks = {
        "board and cpu don't fit (benchmarks/boards/rows.py lists boards)": _is_known(row),
        "times must be above 0, p50_ms <= p90_ms <= p99_ms (or null)": _are_times(
            row["p50_ms"], row["p90_ms"], *([] if row["p99_ms"] is None else [row["p99_ms"]])
        ),
        "sustained must be null, or what (frame, invoke), seconds, cold_p50_ms, p50_ms": _is_sustained(
            row["sustained"]
        ),
        f"throttled must be null (it can't tell), or a list of {', '.join(throttling.BITS)}": _is_throttled(
            row["throttled"]
        ),
        "sha256 must have 64 hexadecimal digits": bool(re.fullmatch(r"[0-9a-f]{64}", str(row["sha256"]))),
        "threads must be 1 to 256, cores too, bits 32 or 64": _is_count(row["threads"])
        and _is_count(row["cores"])
        and row["bits"] in (32, 64),
        "temperature_c must be null, or [lowest, highest] from -40 to 125": _is_range(row["temperature_c"]),
        "by, cooling, power, file, runtime and system must be said": all(
            isinstance(row[field], str) and row[field].strip()
            for field in ("by", "cooling", "power", "file", "runtime", "runtime_version", "system")
        ),
        f"date must be YYYY-MM-DD, from {FIRST_DAY} to today": _is_date(row["date"], today),
    }
    return [mistake for mistake, good in checks.items() if not good]


def _is_known(row: dict[str, Any]) -> bool:
    """A PC has no board's name, and its processor is no board's."""
    board = row["board"]
    if board is None:
        return bool(row["cpu"]) and row["architecture"] == "x86_64"
    named = [name for name in BOARDS if re.match(rf"{re.escape(name)}\b", str(board))]
    return any(BOARDS[name] == row["cpu"] for name in named)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _are_times(*values: Any) -> bool:
    return all(_is_number(value) and 0 < value <= LONGEST_MS for value in values) and list(values) == sorted(values)


def _is_sustained(value: Any) -> bool:
    if value is None:
        return True
    if not isinstance(value, dict) or set(value) != set(SUSTAINED) or value["what"] not in ("frame", "invoke"):
        return False
    return all(_is_number(value[field]) and 0 < value[field] <= LONGEST_MS for field in SUSTAINED[1:])


def _is_throttled(value: Any) -> bool:
    return value is None or (isinstance(value, list) and all(word in throttling.BITS for word in value))


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= 256


def _is_range(value: Any) -> bool:
    if value is None:
        return True
    pair = isinstance(value, list) and len(value) == 2 and all(map(_is_number, value))
    return pair and -40 <= value[0] <= value[1] <= 125


def _is_date(value: Any, today: datetime.date) -> bool:
    """A day more than today: it is tomorrow already elsewhere."""
    try:
        return FIRST_DAY <= datetime.date.fromisoformat(value) <= today + datetime.timedelta(days=1)
    except (TypeError, ValueError):
        return False


def cells(document: dict[str, Any]) -> tuple[tuple[str, ...], list[list[str]]]:
    """The table for people: its header, and a line a row, boards together, the fastest model first."""
    times = ("p50 ms", "p90", "p99", "cold → sustained")
    header = ("board", "model", "runtime", "threads", *times, "held back", "set-up", "by")
    ordered = sorted(document["rows"], key=lambda row: (row["board"] or row["cpu"], row["p50_ms"]))
    return header, [_cells(row) for row in ordered]


def _cells(row: dict[str, Any]) -> list[str]:
    words = row["throttled"]
    said = [
        row["board"] or row["cpu"],
        f"{row['file']} ({row['sha256'][:8]})",
        f"{row['runtime']} {row['runtime_version']}, {row['bits']} bits",
        str(row["threads"]),
        *(text.milliseconds(row[field]) for field in ("p50_ms", "p90_ms", "p99_ms")),
        _sustained(row["sustained"]),
        "can't tell" if words is None else f"**{', '.join(words)}**" if words else "no",
        f"{row['cooling']}; {row['power']}; governor {row['governor'] or 'not known'}",
        f"{row['by']}, {row['date']}",
    ]
    return [" ".join(one.split()).replace("|", "\\|") for one in said]


def _sustained(long: dict[str, Any] | None) -> str:
    if long is None:
        return "-"
    cold, warm = text.milliseconds(long["cold_p50_ms"]), text.milliseconds(long["p50_ms"])
    return f"{cold} → {warm} ({long['what']}, {long['seconds']:.0f} s)"


def parser() -> argparse.ArgumentParser:
    options = argparse.ArgumentParser(
        prog="python -m benchmarks.boards.rows", description="Adds a result to docs/boards.json."
    )
    options.add_argument("result", type=Path, metavar="RESULT.json", help="what `benchmarks board` brought back")
    options.add_argument("--by", required=True, metavar="NAME", help="who measured it, as the table shall say")
    options.add_argument("--cooling", required=True, metavar="WORDS", help="such as: none, heat sink, Active Cooler")
    options.add_argument("--power", required=True, metavar="WORDS", help="such as: official 27 W")
    options.add_argument("--date", metavar="YYYY-MM-DD", help="when it was measured (default: as the result says)")
    options.add_argument("--table", type=Path, default=TABLE, metavar="FILE", help="default: docs/boards.json")
    return options


def main() -> int:
    given, today = parser().parse_args(), datetime.date.today()
    result = _read(given.result)
    date = given.date or result.get("date") or today.isoformat()
    added = make(result, {"by": given.by, "cooling": given.cooling, "power": given.power, "date": date})
    if not added:
        raise UserError(f"{given.result}: no row of it has figures, so there is nothing to add; measure anew")
    table = _table(given.table)
    table["rows"] += added
    found = mistakes(table, today)
    if found:
        raise UserError(f"{given.table} stays as it was, {found[0]}")
    files.write_json(given.table, table)
    more = f"{len(added)} row{'s' if len(added) > 1 else ''} more"
    command.say(f"{given.table}: {more}; write the page anew with: make tables")
    return command.GOOD


def _table(path: Path) -> dict[str, Any]:
    try:
        table: dict[str, Any] = json.loads(path.read_bytes())
        good = isinstance(table, dict) and isinstance(table["rows"], list)
    except (ValueError, KeyError):
        good = False
    if not good:
        raise UserError(f"{path}: this is no table of boards; take it anew from git")
    return table


def _read(path: Path) -> dict[str, Any]:
    try:
        document: dict[str, Any] = json.loads(path.read_bytes())
        good = document["schema"] == results.SCHEMA and all("p50_ms" in row for row in document["results"])
        good = good and set(OF_THE_MACHINE) <= set(document["machine"]) and "bits" in document["machine"]["fingerprint"]
    except (ValueError, KeyError, TypeError):
        good = False
    if not good:
        raise UserError(
            f"{path}: no latency result of schema {results.SCHEMA}, expected what `benchmarks board` writes"
        )
    return document


if __name__ == "__main__":
    command.run(main)
