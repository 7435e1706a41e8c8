"""What `python -m benchmarks select` found fastest on a board: which file, how many threads, which runtime.

    {"selection": 1, "file": "export/doors_int8.tflite", "sha256": …, "threads": 2, "runtime": "litert", "cpu": …}

`file` counts from the folder that the selection lies in, so both can be copied together.
"""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from device import board, command, options
from device.errors import UserError

NAME = "selection.json"
SCHEMA = 1


@dataclass(frozen=True)
class Selection:
    """A model file, threads and a runtime's name."""

    path: Path
    threads: int
    runtime: str


def document(file: str, sha256: str, threads: int, runtime: str) -> dict[str, Any]:
    """What a selection made on this machine holds. file: from the folder it will lie in."""
    return {
        "selection": SCHEMA,
        "file": file,
        "sha256": sha256,
        "threads": threads,
        "runtime": runtime,
        "cpu": board.cpu_model(),
        "cores": board.usable_cores(),
    }


def read(place: Path) -> Selection:
    """Of a file, or of the run folder that has one. UserError for none, and for a model that has changed since.

    One that was made on another machine is taken, and that is said.
    """
    path = place / NAME if place.is_dir() else place
    make = f"make one on this machine with: python -m benchmarks select {place if place.is_dir() else 'RUN'}"
    if not path.is_file():
        raise UserError(f"{path}: there is no such selection; {make}")
    try:
        told = json.loads(path.read_bytes())
        if told["selection"] != SCHEMA:
            raise UserError(f"{path}: the selection is of version {told['selection']}, expected {SCHEMA}; {make}")
        found = Selection(path.parent / str(told["file"]), _count(told["threads"]), str(told["runtime"]))
        sha256, machine = told["sha256"], (told["cpu"], told["cores"])
    except (ValueError, KeyError, TypeError):
        raise UserError(f"{path}: this is no selection; {make}") from None
    if not found.path.is_file():
        raise UserError(f"{path}: the model {found.path} isn't there any more; {make}")
    if hashlib.sha256(found.path.read_bytes()).hexdigest() != sha256:
        raise UserError(f"{path}: {found.path} has changed since it was selected; {make}")
    if machine != (board.cpu_model(), board.usable_cores()):
        command.say(f"note: {path}: selected on another machine ({machine[0]}, {machine[1]} cores); {make}")
    return found


def _count(threads: Any) -> int:
    """ValueError for what no interpreter can be given."""
    if type(threads) is not int or not 1 <= threads <= options.MAX_THREADS:
        raise ValueError(threads)
    return threads
