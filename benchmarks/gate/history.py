"""A file of gates, a row each, that change-point tools read: many small steps, each of which a gate lets pass.

The CSV that Apache Otava (formerly DataStax Hunter) takes: a header, a time column, columns of numbers and of
attributes (https://otava.apache.org/docs/csv); commas, double quotes. One model to a file: it is one series.
"""

import csv
import io
import subprocess
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.gate.gate import Outcome
from device import files
from device.errors import UserError

COLUMNS = (
    "time",
    "commit",
    "base",
    "candidate",
    "threads",
    "answer",
    "ratio",
    "ratio_low",
    "ratio_high",
    "rounds",
    "accuracy",
)


def check(path: Path | None) -> None:
    """UserError for a file that a row can't be added to; before the gate begins. None: not asked for."""
    if path is None:
        return
    files.check_target(path, "--history")
    if path.exists() and not path.is_file():
        raise UserError(
            f"{path}: it is no file, expected one that keeps what is written; choose another with --history"
        )
    _rows(path)


def add(path: Path, outcome: Outcome) -> bool:
    """Adds the gate's row, with the header before the first; whole or not at all.

    False, and nothing is written, for a gate without a ratio, or one that was interrupted: a series has no gaps.
    """
    ratio, lost = outcome.latency.ratio, outcome.accuracy
    if ratio is None or outcome.interrupted:
        return False
    written = io.StringIO()
    csv.writer(written, lineterminator="\n").writerow(
        (
            datetime.now(UTC).isoformat(timespec="seconds"),
            _commit(),
            outcome.base,
            outcome.candidate,
            outcome.threads,
            outcome.answer,
            *(f"{bound:.6f}" for bound in (ratio.middle, ratio.low, ratio.high)),
            outcome.latency.rounds,
            "" if lost is None else f"{lost.candidate:.6f}",
        )
    )
    # A file name that is no UTF-8 holds lone surrogates.
    files.write_bytes(path, _rows(path) + written.getvalue().encode(errors="backslashreplace"))
    return True


def _rows(path: Path) -> bytes:
    """What is there, or the header. UserError for what was not written by this."""
    header = ",".join(COLUMNS).encode()
    if not path.exists():
        return header + b"\n"
    there = path.read_bytes()
    first = there.split(b"\n", 1)[0].removesuffix(b"\r")
    if first != header:
        said = first.decode(errors="replace")[:80]
        raise UserError(f"{path}: its first line is {said!r}, expected {header.decode()}; give --history another file")
    return there if there.endswith(b"\n") else there + b"\n"


def _commit() -> str:
    """Of the repository that the user is in; empty outside of one."""
    try:
        done = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True)
    except FileNotFoundError:
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
