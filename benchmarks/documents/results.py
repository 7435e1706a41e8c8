"""The result document of every command: writing, reading, and its tables."""

import shlex
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.documents import fingerprint, machine
from benchmarks.documents.machine import BoardMachine, MeasuredMachine
from benchmarks.documents.models import Model
from benchmarks.documents.rows import AccuracyRow, FailedRow, LatencyRow, Row
from benchmarks.statistics import stats
from device import command, files, records, text
from device.data import benchmark_record
from device.errors import UserError
from device.evaluation import by_label
from device.inference.runtime import Runtime

NAME, SCHEMA = benchmark_record.NAME, benchmark_record.SCHEMA
ANEW = "measure again"
EXPECTED = f"expected what python -m benchmarks … --json FILE writes; {ANEW}"


# The error of a row after Ctrl-C.
NOT_YET = "interrupted before it was measured"


@dataclass(frozen=True)
class Results:
    """The document. interrupted: by Ctrl-C, so it is incomplete.

    A command's other findings (gate, comparison, qualify, chosen) are in sections of these names, which nothing reads.
    """

    date: str | None = None
    command: str | None = None
    machine: BoardMachine | MeasuredMachine = field(kw_only=True)
    interrupted: bool = False
    results: tuple[Row, ...] = field(kw_only=True)

    @property
    def latency(self) -> tuple[LatencyRow, ...]:
        return tuple(row for row in self.results if isinstance(row, LatencyRow))

    @property
    def accuracy(self) -> tuple[AccuracyRow, ...]:
        return tuple(row for row in self.results if isinstance(row, AccuracyRow))

    def to_json(self, **sections: object) -> dict[str, object]:
        return {
            "schema": SCHEMA,
            **records.to_json(self),
            **{name: records.to_json(section) for name, section in sections.items()},
        }


def of(rows: Sequence[Row], interrupted: bool = False) -> Results:
    """The document of the running command, here and now."""
    words = " ".join(["python -m benchmarks", *map(shlex.quote, sys.argv[1:])])
    today = datetime.now(UTC).strftime("%Y-%m-%d")
    return Results(today, words, machine=machine.here(), interrupted=interrupted, results=tuple(rows))


def read(path: Path) -> Results:
    """Reads a document; UserError if it is missing, or no result document of this schema."""
    try:
        return parse(path.read_bytes(), str(path))
    except FileNotFoundError:
        raise UserError(f"{path}: there is no such result document; {EXPECTED}") from None


def parse(text: str | bytes, name: str) -> Results:
    """Parses a document. name: names it in messages. UserError as in `read`."""
    return records.require(Results, text, name, SCHEMA, ANEW, EXPECTED)


def kept(path: Path, models: list[Model], threads: Sequence[int], runtime: Runtime) -> Results | None:
    """An older document, if it is of the same files, processor, runtime and numbers of threads."""
    cases = [
        (model.path.name, model.sha256(), count, runtime.name, runtime.version) for model in models for count in threads
    ]
    try:
        old = read(path)
    except (OSError, UserError):
        return None
    have = [(row.file, row.sha256, row.threads, row.runtime, row.runtime_version) for row in old.latency]
    whole = len(old.latency) == len(old.results) and not any(row.error for row in old.results)
    same = have == cases and not fingerprint.differences(old.machine.fingerprint, fingerprint.machine())
    return old if whole and same else None


def deliver(document: Results, lines: Sequence[str], target: str | None, **sections: object) -> None:
    """--json FILE|-: prints the table, and writes the document if requested; with - prints only the document."""
    if target != "-":
        command.show(lines)
    if target:
        files.deliver_json(document.to_json(**sections), target)


def require_all(rows: Sequence[Row], where: str = "") -> None:
    """UserError if some could not be measured, with the reasons. where: a prefix, such as a board's name and a
    colon."""
    failed = [f"{row.file}: {row.error}" for row in rows if row.error]
    if failed:
        counts = f"{len(failed)} of {len(rows)}"
        raise UserError(f"{where}{counts} could not be measured; {text.some(failed, 5, '; ')}")


def latency_lines(results: Sequence[LatencyRow]) -> list[str]:
    """One row per case: latency of invoke and of a whole frame, ratio to float32, size, memory, the card's accuracy."""
    header = ("model", "threads", "p50 ms", "p90", "p99", "to float32", "frame ms", "size", "memory", "accuracy")
    several = len({row.runtime for row in results if row.runtime}) > 1
    rows = [
        [
            row.file.removesuffix(".tflite") + (f" {row.runtime or '-'}" if several else ""),
            str(row.threads),
            text.milliseconds(row.p50_ms),
            text.milliseconds(row.p90_ms),
            text.milliseconds(row.p99_ms),
            text.ratio(row.ratio_to_float32, row.ratio_interval),
            text.milliseconds(row.frame.p50_ms if row.frame else None),
            text.size(row.file_bytes),
            text.size(row.peak_memory_bytes),
            text.accuracy(row.top1, row.interval, row.accuracy_n),
        ]
        for row in results
    ]
    engines = dict.fromkeys(f"{row.runtime} {row.runtime_version}" for row in results if row.runtime_version)
    fewest = min((row.n for row in results if row.n), default=0)
    note = (
        f"p50, p90, p99: invoke alone, {', '.join(engines)}, interleaved, {fewest}+ samples each; quantiles by linear"
        f" interpolation, p99 of {stats.FEWEST_FOR_P99:,} samples or more; frame: from 1280x720 to labels; accuracy"
        " with its 95 % interval, measured at export"
    )
    return [*text.table(header, rows), note]


def warnings(results: Sequence[LatencyRow]) -> list[str]:
    """A note if the machine was throttled during the measurement."""
    flags = dict.fromkeys(word for row in results for word in row.throttled)
    if not flags:
        return []
    return [
        f"note: this machine was throttled during the measurement ({', '.join(flags)}); better power or cooling"
        " changes the figures; see docs/raspberry-pi.md"
    ]


def accuracy_lines(results: Sequence[AccuracyRow | FailedRow]) -> list[str]:
    """One row per model; with uneven labels also balanced accuracy and the worst label."""
    measured = [row for row in results if isinstance(row, AccuracyRow)]
    uneven = by_label.are_uneven(measured)
    rows = [
        [
            row.file.removesuffix(".tflite"),
            text.accuracy(row.top1, row.interval, row.n),
            *(by_label.cells(row) if uneven else ()),
            str(row.left_out),
        ]
        for row in measured
    ]
    return text.table(("model", "accuracy", *(by_label.HEADER if uneven else ()), "left out"), rows)
