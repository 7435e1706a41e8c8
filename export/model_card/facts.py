"""Gathers the facts for a model card: run.json, export.json, benchmark.json, and the card inside a file."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from device import records
from device.data import benchmark_record, run_record
from device.data.benchmark_record import TimedFiles
from device.data.run_record import RunRecord
from device.errors import UserError
from device.evaluation import exports
from device.evaluation.exports import RESCUED, Export, ExportedVariant, ReferenceComparison
from device.evaluation.runtimes import RuntimeResults
from device.model import card as cards
from device.model import model_data
from device.model.card import Card
from device.model.model_data import ModelData


@dataclass(frozen=True)
class DeliveredFile:
    """A kept file. name: the variant's, or 'int8, rescued'."""

    name: str
    file: str
    size: int
    sha256: str | None
    comparison: ReferenceComparison
    runtimes: RuntimeResults | None


@dataclass(frozen=True)
class ModelFacts:
    """files: in the order of variants. main: of them what a board is given: int8, the rescued one first; else the last.

    card: the main file's. run: None of anyone's model, and of a run that was exported into another folder.
    """

    made: Export
    files: tuple[DeliveredFile, ...]
    main: DeliveredFile
    card: Card
    run: RunRecord | None
    timed: TimedFiles

    @property
    def provenance(self) -> Mapping[str, Any]:
        return self.card.provenance or {}

    @property
    def data(self) -> ModelData:
        return model_data.of(self.card)

    @property
    def is_trained_here(self) -> bool:
        """Whether it is a run of `train`; the card in the file then has the recipe, the data and the versions."""
        return self.card.recipe is not None

    @property
    def is_judged(self) -> bool:
        """Whether the test images had labels."""
        return self.main.comparison.top1 is not None

    @property
    def split(self) -> str:
        return self.main.comparison.split


def read(folder: Path) -> ModelFacts | None:
    """folder: with export.json in it, inside a run folder. None where no file was kept."""
    made = exports.read(folder)
    files = _files(made)
    if not files:
        return None
    main = next((each for each in reversed(files) if each.name.startswith("int8")), files[-1])
    card = cards.read(folder / main.file)
    if card is None:
        return None
    return ModelFacts(made, files, main, card, _run(folder.parent, card), benchmark_record.read(folder.parent))


def _files(made: Export) -> tuple[DeliveredFile, ...]:
    return tuple(
        DeliveredFile(_name(row), row.file, row.file_bytes or 0, row.sha256, row, row.runtimes)
        for row in made.rows
        if row.file
    )


def _name(row: ExportedVariant) -> str:
    return "int8, rescued" if row.variant == RESCUED else row.variant


def _run(folder: Path, card: Card) -> RunRecord | None:
    if card.recipe is None:  # a run that lies there is another network's
        return None
    try:
        return run_record.read(folder)
    except (OSError, ValueError, UserError, records.RecordError):
        return None
