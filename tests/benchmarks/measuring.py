"""Measuring as a user sees it: documents, and the processes that measure, found in /proc by what they have loaded."""

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.processes import wait_until
from tests.warm import Forked

QUICK = ("--seconds", "0.02", "--sustained", "0")
needs_proc = pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="no /proc here")


def is_there(number: int) -> bool:
    """A process that ended, but that nobody has waited for, is gone too."""
    try:
        return Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def workers(conductor: int, variant: str) -> Iterator[int]:
    """Those that it has started and that have loaded the model of the shapes."""
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError, ValueError):
            parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
            if parent == conductor and f"shapes_{variant}.tflite" in (folder / "maps").read_text():
                yield int(folder.name)


def wait_for_worker(process: Forked, variant: str = "int8", but: int | None = None) -> int:
    """The number of one that has loaded the model; another than `but`."""
    found: list[int] = []

    def has_one() -> bool:
        found[:] = [number for number in workers(process.pid, variant) if number != but]
        return bool(found)

    assert wait_until(has_one, process), process.communicate()
    return found[0]


def document(text: str) -> dict[str, Any]:
    whole: dict[str, Any] = json.loads(text)
    assert set(whole) == {"schema", "date", "command", "machine", "interrupted", "results"} and whole["schema"] == 2
    assert whole["command"].startswith("python -m benchmarks ")
    assert {"cpu", "architecture", "cores", "governor"} <= set(whole["machine"]["fingerprint"])
    return whole
