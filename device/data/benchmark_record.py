"""The part of a run folder's benchmark.json that other packages than `benchmarks` read: latencies."""

from dataclasses import dataclass
from pathlib import Path

from device import records
from device.errors import UserError
from device.host.system import Host

NAME = "benchmark.json"
SCHEMA = 2


@dataclass(frozen=True)
class TimedFile:
    """A row. p50_ms and p90_ms: of the time of an inference; None in other rows and if it could not be measured."""

    sha256: str = ""
    runtime: str | None = None
    runtime_version: str | None = None
    threads: int | None = None
    p50_ms: float | None = None
    p90_ms: float | None = None
    error: str | None = None

    @property
    def is_timed(self) -> bool:
        return self.p50_ms is not None and self.error is None


@dataclass(frozen=True)
class TimedFiles:
    """The document. machine: where it was measured, on which date."""

    results: tuple[TimedFile, ...] = ()
    date: str | None = None
    machine: Host | None = None

    def of(self, sha256: str | None) -> tuple[TimedFile, ...]:
        """What was measured of this very file."""
        return tuple(row for row in self.results if row.is_timed and sha256 and row.sha256 == sha256)


def read(run: Path) -> TimedFiles:
    """Without rows where nothing was measured, or of another version."""
    try:
        return records.read(TimedFiles, run / NAME, SCHEMA, "measure anew")
    except (OSError, ValueError, UserError):
        return TimedFiles()


def latencies(run: Path) -> dict[str, float]:
    """The median time of an inference in ms by the file's SHA-256, for the first number of threads tried; empty if
    there is no measurement of this version.
    """
    timed = [row for row in read(run).results if row.is_timed]
    return {row.sha256: row.p50_ms for row in reversed(timed) if row.p50_ms is not None}
