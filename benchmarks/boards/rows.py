"""The users' table of boards, docs/boards.json: makes rows from result documents, checks them, and prints the table.

    python -m benchmarks.boards.rows RESULT.json --by NAME --cooling WORDS --power WORDS [--date YYYY-MM-DD]

adds a row for each model of the result, so that nobody types a figure.
"""

import argparse
import datetime
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Annotated, Any, Literal

from benchmarks.documents import results
from benchmarks.documents.results import Results
from benchmarks.documents.rows import LatencyRow
from device import command, files, records, text
from device.errors import UserError
from device.host import throttling
from device.records import Limit, RecordError

ROOT = Path(__file__).resolve().parents[2]
TABLE = ROOT / "docs/boards.json"
SCHEMA = 1
# The beginning of a board's name in the device tree, and its processor. Add missing boards here.
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
EMPTY = "There are no boards yet; yours would be the first."
FIRST_DAY = datetime.date(2026, 1, 1)
LONGEST_MS = 60_000

Said = Annotated[str, Limit("words", lambda value: bool(value.strip()))]
Time = Annotated[float, Limit(f"a time above 0 and up to {LONGEST_MS} ms", lambda value: 0 < value <= LONGEST_MS)]
Count = Annotated[int, Limit("a whole number from 1 to 256", lambda value: 1 <= value <= 256)]
Hash = Annotated[str, Limit("64 hexadecimal digits", lambda value: bool(re.fullmatch(r"[0-9a-f]{64}", value)))]
Celsius = Annotated[
    tuple[float, float],
    Limit("null, or [lowest, highest] from -40 to 125", lambda value: -40 <= value[0] <= value[1] <= 125),
]
Word = Annotated[str, Limit(f"one of {', '.join(throttling.BITS)}", lambda value: value in throttling.BITS)]


@dataclass(frozen=True)
class Given:
    """What the user adds to a result."""

    by: Said
    cooling: Said
    power: Said
    date: str


@dataclass(frozen=True)
class ColdAndWarm:
    """A series without a pause: p50 of the first tenth of its samples, and of the last half."""

    what: Literal["frame", "invoke"]
    seconds: Time
    cold_p50_ms: Time
    p50_ms: Time


@dataclass(frozen=True)
class _OfTheResult:
    board: str | None
    cpu: str | None
    architecture: str | None
    cores: Count
    governor: str | None
    system: Said
    bits: Annotated[int, Limit("32 or 64", lambda value: value in (32, 64))]
    file: Said
    sha256: Hash
    variant: str | None
    runtime: Said
    runtime_version: Said
    threads: Count
    p50_ms: Time
    p90_ms: Time
    p99_ms: Time | None
    processes: int
    temperature_c: Celsius | None
    sustained: ColdAndWarm | None
    throttled: tuple[Word, ...] | None


@dataclass(frozen=True)
class BoardRow(Given, _OfTheResult):
    """A row of the table, in order. throttled: the flags; None if unknown."""

    @property
    def name(self) -> str:
        return self.board or str(self.cpu)

    @property
    def key(self) -> tuple[object, ...]:
        """Unique in the table."""
        case = self.file, self.sha256, self.runtime, self.threads
        return self.board, self.cpu, *case, self.by, self.date

    def problem(self, today: datetime.date) -> str | None:
        """What is inconsistent; None for a good row."""
        if not self._is_known():
            return "board and cpu don't fit (benchmarks/boards/rows.py lists boards)"
        times = [self.p50_ms, self.p90_ms, *([] if self.p99_ms is None else [self.p99_ms])]
        if times != sorted(times):
            return f"times are {times}, expected p50_ms <= p90_ms <= p99_ms (or null)"
        if not _is_date(self.date, today):
            return f"date is {self.date!r:.60}, expected YYYY-MM-DD, from {FIRST_DAY} to today"
        return None

    def _is_known(self) -> bool:
        """Whether board and processor fit; a PC has no board name."""
        if self.board is None:
            return bool(self.cpu) and self.architecture == "x86_64"
        named = [name for name in BOARDS if re.match(rf"{re.escape(name)}\b", self.board)]
        return any(BOARDS[name] == self.cpu for name in named)


def make(document: Results, given: Given) -> list[BoardRow]:
    """A row for each row of a latency result. RecordError for an invalid value.

    Only a board measured over ssh is known not to be throttled; else only flags in the rows are known.
    """
    return [_made(document, row, given) for row in document.latency if row.error is None]


def _made(document: Results, row: LatencyRow, given: Given) -> BoardRow:
    known, machine = getattr(document.machine, "throttling", None), document.machine
    found = {**vars(machine), "bits": machine.fingerprint.get("bits"), **vars(row), **vars(given)}
    if row.sustained:
        found["sustained"] = {each.name: getattr(row.sustained, each.name) for each in fields(ColdAndWarm)}
    found["throttled"] = known.measuring if known else row.throttled or None
    return records.record(BoardRow, records.to_json({each.name: found[each.name] for each in fields(BoardRow)}), "")


def parse(document: Any) -> tuple[BoardRow, ...]:
    """Reads a table; RecordError for an invalid row."""
    return tuple(records.record(BoardRow, row, "") for row in document["rows"])


def problems(document: Any, today: datetime.date) -> list[str]:
    """The problems of a table, one line each; empty for a good one."""
    if not isinstance(document, dict) or set(document) != {"schema", "rows"} or document["schema"] != SCHEMA:
        return [f'expected {{"schema": {SCHEMA}, "rows": […]}} and nothing else']
    found: list[str] = []
    keys: list[tuple[object, ...]] = []
    for number, values in enumerate(document["rows"], 1):
        try:
            row = records.record(BoardRow, values, "")
        except RecordError as error:
            found.append(f"row {number}: {error}")
            continue
        if problem := "is there twice" if row.key in keys else row.problem(today):
            found.append(f"row {number}: {problem}")
        keys.append(row.key)
    return found


def _is_date(value: str, today: datetime.date) -> bool:
    """Whether it is a valid date, up to tomorrow because of time zones."""
    try:
        return FIRST_DAY <= datetime.date.fromisoformat(value) <= today + datetime.timedelta(days=1)
    except ValueError:
        return False


def cells(rows: Sequence[BoardRow]) -> tuple[tuple[str, ...], list[list[str]]]:
    """The table for people: its header, and one line per row, by board, the fastest model first."""
    times = ("p50 ms", "p90", "p99", "cold → sustained")
    header = ("board", "model", "runtime", "threads", *times, "throttled", "set-up", "by")
    return header, [_cells(row) for row in sorted(rows, key=lambda row: (row.name, row.p50_ms))]


def _cells(row: BoardRow) -> list[str]:
    words = row.throttled
    cells = [
        row.name,
        f"{row.file} ({row.sha256[:8]})",
        f"{row.runtime} {row.runtime_version}, {row.bits} bits",
        str(row.threads),
        *map(text.milliseconds, (row.p50_ms, row.p90_ms, row.p99_ms)),
        _sustained(row.sustained),
        "unknown" if words is None else f"**{', '.join(words)}**" if words else "no",
        f"{row.cooling}; {row.power}; governor {row.governor or 'unknown'}",
        f"{row.by}, {row.date}",
    ]
    return [" ".join(one.split()).replace("|", "\\|") for one in cells]


def _sustained(long: ColdAndWarm | None) -> str:
    if long is None:
        return "-"
    cold, warm = text.milliseconds(long.cold_p50_ms), text.milliseconds(long.p50_ms)
    return f"{cold} → {warm} ({long.what}, {long.seconds:.0f} s)"


def parser() -> argparse.ArgumentParser:
    options = argparse.ArgumentParser(
        prog="python -m benchmarks.boards.rows", description="Adds a result to docs/boards.json."
    )
    options.add_argument("result", type=Path, metavar="RESULT.json", help="a result of `benchmarks board`")
    options.add_argument("--by", required=True, metavar="NAME", help="who measured it, for the table")
    options.add_argument("--cooling", required=True, metavar="WORDS", help="such as: none, heat sink, Active Cooler")
    options.add_argument("--power", required=True, metavar="WORDS", help="such as: official 27 W")
    options.add_argument("--date", metavar="YYYY-MM-DD", help="when it was measured (default: from the result)")
    options.add_argument("--table", type=Path, default=TABLE, metavar="FILE", help="default: docs/boards.json")
    return options


def main() -> int:
    given, today = parser().parse_args(), datetime.date.today()
    result = results.read(given.result)
    if not result.latency or result.machine.system is None or "bits" not in result.machine.fingerprint:
        raise UserError(
            f"{given.result}: no latency of a known machine, expected a result of `benchmarks board`; measure again"
        )
    date = given.date or result.date or today.isoformat()
    try:
        added = make(result, Given(given.by, given.cooling, given.power, date))
    except RecordError as error:
        raise UserError(f"{given.table} is unchanged: a row's {error}; give a result of `benchmarks board`") from None
    if not added:
        raise UserError(f"{given.result}: none of its rows has figures, expected some; measure again")
    table = {"schema": SCHEMA, "rows": [*_rows(given.table), *map(records.to_json, added)]}
    found = problems(table, today)
    if found:
        raise UserError(f"{given.table} is unchanged: {found[0]}")
    files.write_json(given.table, table)
    command.say(f"{given.table}: {text.count(len(added), 'row')} added; update the page with: make tables")
    return command.GOOD


def _rows(path: Path) -> list[Any]:
    """The existing rows, unchecked."""
    try:
        rows = json.loads(path.read_bytes())["rows"]
    except (ValueError, KeyError, TypeError):
        rows = None
    if not isinstance(rows, list):
        raise UserError(f"{path}: this is not a table of boards; restore it from git")
    return rows


if __name__ == "__main__":
    command.run(main)
