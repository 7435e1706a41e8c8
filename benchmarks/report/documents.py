"""Result documents as they are read from files, and whose figures they are: those of one machine stand together."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.documents import results
from benchmarks.documents.machine import MeasuredMachine
from benchmarks.documents.results import Results
from benchmarks.documents.rows import LatencyRow
from benchmarks.report import exported, rows
from benchmarks.report.rows import LatencyCase, ShownAccuracy
from device.errors import UserError


@dataclass(frozen=True)
class Document:
    """One result document. measured_on: what it has in common with another of the same machine."""

    path: Path
    content: Results
    measured_on: str

    @property
    def latency(self) -> tuple[LatencyRow, ...]:
        return self.content.latency

    @property
    def accuracies(self) -> list[ShownAccuracy]:
        """Of the rows that `benchmarks accuracy` wrote, those that have one."""
        return [accuracy for row in self.content.accuracy if (accuracy := rows.measured(row))]


@dataclass(frozen=True)
class Machine:
    """A machine with all that was measured on it."""

    name: str
    documents: tuple[Document, ...]
    cases: tuple[LatencyCase, ...]

    @property
    def accuracies(self) -> list[ShownAccuracy]:
        return [accuracy for document in self.documents for accuracy in document.accuracies]

    @property
    def throttled(self) -> tuple[str, ...]:
        """The firmware's words for what slowed it down: under-voltage, throttled …"""
        return tuple(dict.fromkeys(word for case in self.cases for word in case.row.throttled))


def read(paths: Sequence[Path]) -> list[Machine]:
    """A folder stands for its benchmark.json, what boards brought back (boards/*.json) and its accuracy.json, where
    there are any; a run that was exported may have none. UserError for what is none.
    """
    files = {file.resolve(): file for path in paths for file in _files(path)}
    documents = [_document(file) for file in files.values()]
    by_machine: dict[str, list[Document]] = {}
    for document in documents:
        by_machine.setdefault(document.measured_on, []).append(document)
    everywhere = [accuracy for document in documents for accuracy in document.accuracies]
    machine_names = rows.unique([_name(group[0].content.machine) for group in by_machine.values()])
    return [_machine(name, group, everywhere) for name, group in zip(machine_names, by_machine.values(), strict=True)]


def _files(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path]
    timed = [path / results.NAME, *sorted((path / "boards").glob("*.json"))]
    found = [file for file in (*timed, path / "accuracy.json") if file.is_file()]
    if not set(found) & set(timed) and not exported.has(path):
        raise UserError(f"{path}: there is no {results.NAME} in it; make it with: python -m benchmarks latency {path}")
    return found


def _document(path: Path) -> Document:
    content = rows.printable(results.read(path))
    if not content.results:
        raise UserError(f"{path}: it has no results; measure anew")
    # Two boards of one kind may differ in their memory alone.
    machine = {**content.machine.identity, "memory_bytes": content.machine.memory_bytes}
    return Document(path, content, json.dumps(machine, sort_keys=True))


def _name(machine: MeasuredMachine) -> str:
    return machine.board or machine.cpu or machine.architecture or "a machine without a name"


def _machine(name: str, documents: Sequence[Document], everywhere: Sequence[ShownAccuracy]) -> Machine:
    here = [accuracy for document in documents for accuracy in document.accuracies]
    found = [row for document in documents for row in document.latency]
    return Machine(name, tuple(documents), tuple(LatencyCase(row, _accuracy(row, here, everywhere)) for row in found))


def _accuracy(
    row: LatencyRow, here: Sequence[ShownAccuracy], everywhere: Sequence[ShownAccuracy]
) -> ShownAccuracy | None:
    """Measured on this machine, best in this runtime; else on the only other one that was; else as the card says."""
    mine = [accuracy for accuracy in here if accuracy.is_of(row)]
    if mine:
        return next((one for one in mine if one.row.runtime == row.runtime), mine[0])
    others = [accuracy for accuracy in everywhere if accuracy.is_of(row)]
    return others[0] if len(others) == 1 else rows.of_card(row)
