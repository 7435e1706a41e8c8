"""benchmark.json of a run folder, as far as it is read outside of `benchmarks`, which writes it: latencies."""

from dataclasses import dataclass
from pathlib import Path

from device import records
from device.errors import UserError

NAME = "benchmark.json"
SCHEMA = 2


@dataclass(frozen=True)
class TimedFile:
    """A row; p50_ms: the median time of an inference. None in rows of other kinds and of what could not be measured."""

    sha256: str = ""
    p50_ms: float | None = None
    error: str | None = None


@dataclass(frozen=True)
class TimedFiles:
    """The document."""

    results: tuple[TimedFile, ...]


def latencies(run: Path) -> dict[str, float]:
    """Of each file by its SHA-256 the median time of an inference in ms, on the first number of threads that was tried;
    empty where nothing was measured, or of another version.
    """
    try:
        rows = records.read(TimedFiles, run / NAME, SCHEMA, "measure anew").results
    except (OSError, ValueError, UserError):
        return {}
    return {row.sha256: row.p50_ms for row in reversed(rows) if row.p50_ms is not None and row.error is None}
