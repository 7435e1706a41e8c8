"""The result document that every command writes, and the tables made of it."""

import json
from pathlib import Path
from typing import Any

from benchmarks.models import Model
from device import board, text
from device.runtime import Runtime

SCHEMA = 1


def document(results: list[dict[str, Any]]) -> dict[str, Any]:
    return {"schema": SCHEMA, "machine": board.describe(), "results": results}


def kept(path: Path, models: list[Model], threads: int, runtime: Runtime) -> dict[str, Any] | None:
    """An older result document that still holds: these very files, this processor, runtime and number of threads."""
    wanted = [(model.path.name, model.sha256(), threads, runtime.name, runtime.version) for model in models]
    fields = ("file", "sha256", "threads", "runtime", "runtime_version")
    try:
        old: dict[str, Any] = json.loads(path.read_bytes())
        have = [tuple(row[field] for field in fields) for row in old["results"]]
        same = old["schema"] == SCHEMA and old["machine"]["cpu"] == board.cpu_model() and have == wanted
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return old if same else None


def latency_lines(results: list[dict[str, Any]]) -> list[str]:
    """One row a file: latency of invoke, ratio to float32, size, memory, and the accuracy its card records."""
    header = ("model", "p50 ms", "p90", "p99", "to float32", "size", "memory", "accuracy")
    rows = [
        [
            row["file"].removesuffix(".tflite"),
            text.milliseconds(row["p50_ms"]),
            text.milliseconds(row["p90_ms"]),
            text.milliseconds(row["p99_ms"]),
            text.ratio(row["ratio_to_float32"]),
            text.size(row["file_bytes"]),
            text.size(row["peak_memory_bytes"]),
            text.accuracy(row["top1"], row["interval"], row["accuracy_n"]),
        ]
        for row in results
    ]
    first = results[0]
    threads = f"{first['threads']} thread{'s' if first['threads'] > 1 else ''}"
    note = (
        f"invoke alone, {first['runtime']} {first['runtime_version']}, {threads}, interleaved,"
        f" {min(row['n'] for row in results)}+ samples each; accuracy with its 95 % interval, measured at export"
    )
    return [*text.table(header, rows), note]


def accuracy_lines(results: list[dict[str, Any]]) -> list[str]:
    rows = [
        [
            row["file"].removesuffix(".tflite"),
            text.accuracy(row["top1"], row["interval"], row["n"]),
            str(row["left_out"]),
        ]
        for row in results
    ]
    return text.table(("model", "accuracy", "left out"), rows)
