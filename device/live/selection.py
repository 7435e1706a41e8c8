"""What `python -m benchmarks select` found fastest on a board: which file, how many threads, which runtime.

    {"selection": 1, "file": "export/doors_int8.tflite", "sha256": …, "threads": 2, "runtime": "litert", "cpu": …}

`file` counts from the folder that the selection lies in, so both can be copied together.
"""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from device import command, files, records
from device.commands import options
from device.errors import UserError
from device.host import system
from device.records import Limit, RecordError

NAME = "selection.json"
SCHEMA = 1
VERSION = "selection"  # the field that says it, and that this is one

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
    """What is written. file: from the folder it lies in; cpu and cores: of the machine it was made on."""

    file: str
    sha256: str
    threads: Threads
    runtime: str
    cpu: str | None
    cores: int | None


def write(path: Path, file: str, sha256: str, threads: int, runtime: str) -> None:
    """One that was made on this machine."""
    made = SelectionDocument(file, sha256, threads, runtime, system.cpu_model(), system.usable_cores())
    files.write_json(path, {VERSION: SCHEMA, **records.to_json(made)})


def read(place: Path) -> Selection:
    """Of a file, or of the run folder that has one. UserError for none, and for a model that has changed since.

    One that was made on another machine is taken, and that is said.
    """
    path = place / NAME if place.is_dir() else place
    make = f"make one on this machine with: python -m benchmarks select {place if place.is_dir() else 'RUN'}"
    if not path.is_file():
        raise UserError(f"{path}: there is no such selection; {make}")
    told = _parse(path, make)
    found = Selection(path.parent / told.file, told.threads, told.runtime)
    if not found.path.is_file():
        raise UserError(f"{path}: the model {found.path} isn't there any more; {make}")
    if hashlib.sha256(found.path.read_bytes()).hexdigest() != told.sha256:
        raise UserError(f"{path}: {found.path} has changed since it was selected; {make}")
    if (told.cpu, told.cores) != (system.cpu_model(), system.usable_cores()):
        command.say(f"note: {path}: selected on another machine ({told.cpu}, {told.cores} cores); {make}")
    return found


def _parse(path: Path, make: str) -> SelectionDocument:
    try:
        document = json.loads(path.read_bytes())
    except (ValueError, RecursionError):
        document = None
    if not isinstance(document, dict) or VERSION not in document:
        raise UserError(f"{path}: this is no selection; {make}")
    if document[VERSION] != SCHEMA:
        raise UserError(f"{path}: the selection is of version {document[VERSION]!s:.60}, expected {SCHEMA}; {make}")
    try:
        return records.record(SelectionDocument, document, "", tolerant=True)
    except RecordError as error:
        raise UserError(f"{path}: {error}; {make}") from None
