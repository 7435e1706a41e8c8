"""A CSV file with one row per gate, for change-point tools, which find many small steps that each pass a gate.

The format of Apache Otava (formerly DataStax Hunter): a header, a time column, columns of numbers and of attributes
(https://otava.apache.org/docs/csv); commas, double quotes. Use one file per model: it is one series.
"""

import csv
import io
import subprocess
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.gate.gate import GateOutcome
from benchmarks.gate.verdict import Answer
from device import files
from device.errors import UserError


@dataclass(frozen=True)
class HistoryRow:
    """A gate's row: the columns, in order. ratio: of the times, with its interval; accuracy: the candidate's."""

    time: str
    commit: str
    base: str
    candidate: str
    threads: int
    answer: Answer
    ratio: float
    ratio_low: float
    ratio_high: float
    rounds: int
    accuracy: float | None

    def cells(self) -> list[str]:
        return [_cell(getattr(self, name)) for name in COLUMNS]


COLUMNS = tuple(each.name for each in fields(HistoryRow))


def _cell(value: str | float | None) -> str:
    if value is None:
        return ""
    return f"{value:.6f}" if isinstance(value, float) else str(value)


def check(path: Path | None) -> None:
    """UserError, before the gate starts, for a file that can't get a row. None: not requested."""
    if path is None:
        return
    files.check_target(path, "--history")
    if path.exists() and not path.is_file():
        raise UserError(f"{path}: this is not a regular file, expected one; choose another with --history")
    _rows(path)


def add(path: Path, outcome: GateOutcome) -> bool:
    """Appends the gate's row, and the header before the first; whole or not at all.

    Returns False and writes nothing for an interrupted gate or one without a ratio: a series has no gaps.
    """
    ratio, lost = outcome.latency.ratio, outcome.accuracy
    if ratio is None or outcome.interrupted:
        return False
    row = HistoryRow(
        time=datetime.now(UTC).isoformat(timespec="seconds"),
        commit=_commit(),
        base=outcome.base,
        candidate=outcome.candidate,
        threads=outcome.threads,
        answer=outcome.answer,
        ratio=ratio.middle,
        ratio_low=ratio.low,
        ratio_high=ratio.high,
        rounds=outcome.latency.rounds,
        accuracy=None if lost is None else lost.candidate,
    )
    written = io.StringIO()
    csv.writer(written, lineterminator="\n").writerow(row.cells())
    # A file name that is not UTF-8 has lone surrogates.
    files.write_bytes(path, _rows(path) + written.getvalue().encode(errors="backslashreplace"))
    return True


def _rows(path: Path) -> bytes:
    """The existing rows, or the header. UserError for another file."""
    header = ",".join(COLUMNS).encode()
    if not path.exists():
        return header + b"\n"
    there = path.read_bytes()
    first = there.split(b"\n", 1)[0].removesuffix(b"\r")
    if first != header:
        found = first.decode(errors="replace")[:80]
        raise UserError(f"{path}: its first line is {found!r}, expected {header.decode()}; give --history another file")
    return there if there.endswith(b"\n") else there + b"\n"


def _commit() -> str:
    """The commit of the working directory's repository; empty outside of one."""
    try:
        done = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True)
    except FileNotFoundError:
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
