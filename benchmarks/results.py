"""The result document that every command writes, and the tables made of it."""

import json
import shlex
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks import fingerprint, stats
from benchmarks.models import Model
from device import board, command, files, text
from device.errors import UserError
from device.evaluation import by_label
from device.runtime import Runtime

SCHEMA = 2


# Why a row has no figures when Ctrl-C came first.
NOT_YET = "interrupted before it was measured"


def document(results: list[dict[str, Any]], interrupted: bool = False) -> dict[str, Any]:
    """interrupted: Ctrl-C came before the end, so this is only a part."""
    return {
        "schema": SCHEMA,
        "date": datetime.now(UTC).strftime("%Y-%m-%d"),
        "command": " ".join(["python -m benchmarks", *map(shlex.quote, sys.argv[1:])]),
        "machine": {**board.describe(), "fingerprint": fingerprint.machine()},
        "interrupted": interrupted,
        "results": results,
    }


def kept(path: Path, models: list[Model], threads: Sequence[int], runtime: Runtime) -> dict[str, Any] | None:
    """An older result document that still holds: these very files, this processor, runtime and numbers of threads."""
    wanted = [
        (model.path.name, model.sha256(), count, runtime.name, runtime.version) for model in models for count in threads
    ]
    fields = ("file", "sha256", "threads", "runtime", "runtime_version")
    try:
        old: dict[str, Any] = json.loads(path.read_bytes())
        have = [tuple(row[field] for field in fields) for row in old["results"]]
        whole = old["schema"] == SCHEMA and not any(row["error"] for row in old["results"])
        same = have == wanted and not fingerprint.differences(old["machine"]["fingerprint"], fingerprint.machine())
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return old if whole and same else None


def deliver(document: dict[str, Any], lines: Sequence[str], target: str | None) -> None:
    """--json FILE|-: the table on stdout and, where it is asked for, the document; or the document in its place (-)."""
    if target != "-":
        command.show(lines)
    if target:
        files.deliver_json(document, target)


def require_all(rows: Sequence[dict[str, Any]], where: str = "") -> None:
    """UserError that says which could not be measured, and why. where: such as a board's name and a colon."""
    failed = [f"{row['file']}: {row['error']}" for row in rows if row["error"]]
    if failed:
        counts = f"{len(failed)} of {len(rows)}"
        raise UserError(f"{where}{counts} could not be measured; {text.some(failed, 5, '; ')}")


def latency_lines(results: list[dict[str, Any]]) -> list[str]:
    """One row a case: latency of invoke and of a frame's way, ratio to float32, size, memory, the card's accuracy."""
    header = ("model", "threads", "p50 ms", "p90", "p99", "to float32", "frame ms", "size", "memory", "accuracy")
    several = len({row["runtime"] for row in results if row["runtime"]}) > 1
    rows = [
        [
            row["file"].removesuffix(".tflite") + (f" {row['runtime'] or '-'}" if several else ""),
            str(row["threads"]),
            text.milliseconds(row["p50_ms"]),
            text.milliseconds(row["p90_ms"]),
            text.milliseconds(row["p99_ms"]),
            text.ratio(row["ratio_to_float32"]),
            text.milliseconds(row["frame"]["p50_ms"] if row["frame"] else None),
            text.size(row["file_bytes"]),
            text.size(row["peak_memory_bytes"]),
            text.accuracy(row["top1"], row["interval"], row["accuracy_n"]),
        ]
        for row in results
    ]
    engines = dict.fromkeys(f"{row['runtime']} {row['runtime_version']}" for row in results if row["runtime_version"])
    fewest = min((row["n"] for row in results if row["n"]), default=0)
    note = (
        f"p50, p90, p99: invoke alone, {', '.join(engines)}, interleaved, {fewest}+ samples each; quantiles by linear"
        f" interpolation, p99 of {stats.FEWEST_FOR_P99:,} samples or more; frame: from 1280x720 to labels; accuracy"
        " with its 95 % interval, measured at export"
    )
    return [*text.table(header, rows), note]


def warnings(results: list[dict[str, Any]]) -> list[str]:
    """What must be said aloud: a machine that held back while it was measured."""
    held_back = dict.fromkeys(word for row in results for word in row["throttled"])
    if not held_back:
        return []
    return [
        f"note: this machine held back while it was measured ({', '.join(held_back)}): better power or cooling gives"
        " other figures; see docs/raspberry-pi.md"
    ]


def accuracy_lines(results: list[dict[str, Any]]) -> list[str]:
    """One row a model; where its labels are not equally common, balanced accuracy and the worst label beside top-1."""
    measured = [row for row in results if row["error"] is None]
    uneven = by_label.are_uneven(measured)
    rows = [
        [
            row["file"].removesuffix(".tflite"),
            text.accuracy(row["top1"], row["interval"], row["n"]),
            *(by_label.cells(row) if uneven else ()),
            str(row["left_out"]),
        ]
        for row in measured
    ]
    return text.table(("model", "accuracy", *(by_label.HEADER if uneven else ()), "left out"), rows)
