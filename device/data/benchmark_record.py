"""The part of a run folder's benchmark.json that other packages than `benchmarks` read: latencies."""

from dataclasses import dataclass
from pathlib import Path

from device import records
from device.errors import UserError

NAME = "benchmark.json"
SCHEMA = 2


@dataclass(frozen=True)
class TimedFile:
    """A row. p50_ms: the median time of an inference; None in other rows and if it could not be measured."""

    sha256: str = ""
    p50_ms: float | None = None
    error: str | None = None


@dataclass(frozen=True)
class TimedFiles:
    """The document."""

    results: tuple[TimedFile, ...]


def latencies(run: Path) -> dict[str, float]:
    """The median time of an inference in ms by the file's SHA-256, for the first number of threads tried; empty if
    there is no measurement of this version.
    """
    try:
        rows = records.read(TimedFiles, run / NAME, SCHEMA, "measure again").results
    except (OSError, ValueError, UserError):
        return {}
    return {row.sha256: row.p50_ms for row in reversed(rows) if row.p50_ms is not None and row.error is None}
