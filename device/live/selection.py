"""The selection of `python -m benchmarks select`: the fastest file, threads and runtime on a board.

    {"selection": 1, "file": "export/doors_int8.tflite", "sha256": …, "threads": 2, "runtime": "litert", "cpu": …}

`file` is relative to the selection's folder, so both can be copied together.
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from device import command, files, records
from device.commands import options
from device.errors import UserError
from device.host import system
from device.records import Limit

NAME = "selection.json"
SCHEMA = 1
VERSION = "selection"  # the field with the version, which also marks the document

Threads = Annotated[
    int, Limit(f"a whole number from 1 to {options.MAX_THREADS}", lambda value: 1 <= value <= options.MAX_THREADS)
]


@dataclass(frozen=True)
class Selection:
    """A model file, threads and a runtime's name."""

    path: Path
    threads: int
    runtime: str


@dataclass(frozen=True)
class SelectionDocument:
    """The document. file: relative to its folder. cpu, cores: of the host it was made on."""

    file: str
    sha256: str
    threads: Threads
    runtime: str
    cpu: str | None
    cores: int | None


def write(path: Path, file: str, sha256: str, threads: int, runtime: str) -> None:
    """Writes a selection made on this host."""
    made = SelectionDocument(file, sha256, threads, runtime, system.cpu_model(), system.usable_cores())
    files.write_json(path, {VERSION: SCHEMA, **records.to_json(made)})


def read(place: Path) -> Selection:
    """Reads a file, or the one in a run folder. UserError if there is none, or the model has changed since.

    Accepts one from another host, with a note.
    """
    path = place / NAME if place.is_dir() else place
    make = f"create one on this host with: python -m benchmarks select {place if place.is_dir() else 'RUN'}"
    document = records.read_marked(SelectionDocument, path, VERSION, SCHEMA, make)
    found = Selection(path.parent / document.file, document.threads, document.runtime)
    if not found.path.is_file():
        raise UserError(f"{path}: the model {found.path} is missing; {make}")
    if hashlib.sha256(found.path.read_bytes()).hexdigest() != document.sha256:
        raise UserError(f"{path}: {found.path} has changed since it was selected; {make}")
    if (document.cpu, document.cores) != (system.cpu_model(), system.usable_cores()):
        command.say(f"note: {path}: selected on another host ({document.cpu}, {document.cores} cores); {make}")
    return found
