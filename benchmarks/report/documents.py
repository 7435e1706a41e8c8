"""Result documents as they are read from files, and whose figures they are: those of one machine stand together."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks import fingerprint
from benchmarks.report import rows
from benchmarks.report.rows import Accuracy, Case, Row
from benchmarks.results import SCHEMA
from device.errors import UserError


@dataclass(frozen=True)
class Document:
    """One result document. measured_on: what it has in common with another of the same machine."""

    path: Path
    content: Row
    measured_on: str

    @property
    def machine(self) -> Row:
        return self.content.inner("machine")

    @property
    def interrupted(self) -> bool:
        """Whether it holds only a part, since Ctrl-C came."""
        return self.content.flag("interrupted")

    @property
    def latency(self) -> list[Row]:
        return [row for row in self.content.each("results") if "p50_ms" in row]

    @property
    def accuracies(self) -> list[Accuracy]:
        """Of the rows that `benchmarks accuracy` wrote, those that have one."""
        judged = [row for row in self.content.each("results") if "p50_ms" not in row]
        return [accuracy for row in judged if (accuracy := rows.measured(row))]


@dataclass(frozen=True)
class Machine:
    """A machine with all that was measured on it."""

    name: str
    documents: tuple[Document, ...]
    cases: tuple[Case, ...]

    @property
    def accuracies(self) -> list[Accuracy]:
        return [accuracy for document in self.documents for accuracy in document.accuracies]

    @property
    def held_back(self) -> tuple[str, ...]:
        """The firmware's words for what slowed it down: under-voltage, throttled …"""
        return tuple(dict.fromkeys(word for case in self.cases for word in case.row.texts("throttled")))


def read(paths: Sequence[Path]) -> list[Machine]:
    """A folder stands for its benchmark.json, what boards brought back (boards/*.json) and its accuracy.json, where
    there are any. UserError for what is none.
    """
    files = {file.resolve(): file for path in paths for file in _files(path)}
    documents = [_document(file) for file in files.values()]
    by_machine: dict[str, list[Document]] = {}
    for document in documents:
        by_machine.setdefault(document.measured_on, []).append(document)
    everywhere = [accuracy for document in documents for accuracy in document.accuracies]
    machine_names = rows.unique([_name(group[0].machine) for group in by_machine.values()])
    return [_machine(name, group, everywhere) for name, group in zip(machine_names, by_machine.values(), strict=True)]


def _files(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path]
    timed = [path / "benchmark.json", *sorted((path / "boards").glob("*.json"))]
    found = [file for file in (*timed, path / "accuracy.json") if file.is_file()]
    if not set(found) & set(timed):
        raise UserError(f"{path}: there is no benchmark.json in it; make it with: python -m benchmarks latency {path}")
    return found


def _document(path: Path) -> Document:
    try:
        content: Any = json.loads(path.read_bytes())
    except FileNotFoundError:
        raise UserError(f"{path}: there is no such result document or run folder") from None
    except (ValueError, RecursionError):
        raise UserError(f"{path}: this is no JSON; expected a result document of python -m benchmarks") from None
    if not isinstance(content, dict) or not {"schema", "machine", "results"} <= set(content):
        raise UserError(f"{path}: this is no result document; expected what python -m benchmarks … --json FILE writes")
    if content["schema"] != SCHEMA:
        raise UserError(f"{path}: its schema is {repr(content['schema'])[:20]}, expected {SCHEMA}; measure anew")
    row = Row(content, str(path))
    # Two boards of one kind may differ in their memory alone.
    machine = {**fingerprint.of(content), "memory_bytes": row.inner("machine").number("memory_bytes")}
    document = Document(path, row, json.dumps(machine, sort_keys=True))
    results = document.content.each("results")
    if not results:
        raise UserError(f"{path}: it has no results; measure anew")
    # One whose accuracy could not be measured has its error alone.
    if not all("file" in row and ("p50_ms" in row or "per_class" in row or row.text("error")) for row in results):
        raise UserError(f"{path}: it is of another command; expected the results of latency or accuracy")
    return document


def _name(machine: Row) -> str:
    return machine.text("board") or machine.text("cpu") or machine.text("architecture") or "a machine without a name"


def _machine(name: str, documents: Sequence[Document], everywhere: Sequence[Accuracy]) -> Machine:
    here = [accuracy for document in documents for accuracy in document.accuracies]
    found = [row for document in documents for row in document.latency]
    return Machine(name, tuple(documents), tuple(Case(row, _accuracy(row, here, everywhere)) for row in found))


def _accuracy(row: Row, here: Sequence[Accuracy], everywhere: Sequence[Accuracy]) -> Accuracy | None:
    """Measured on this machine, best in this runtime; else on the only other one that was; else as the card says."""
    mine = [accuracy for accuracy in here if accuracy.is_of(row)]
    if mine:
        return next((one for one in mine if one.row.text("runtime") == row.text("runtime")), mine[0])
    others = [accuracy for accuracy in everywhere if accuracy.is_of(row)]
    return others[0] if len(others) == 1 else rows.of_card(row)
