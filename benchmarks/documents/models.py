"""The files that a command measures: model files, or the exported variants of a run folder."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.documents.rows import ModelRow
from device.data import run_record
from device.errors import UserError
from device.evaluation import exports
from device.model import card as cards
from device.model import flatbuffer, model_kinds
from device.model.card import Card
from device.model.variants import NAMES


@dataclass(frozen=True)
class Model:
    """A model file with its card, if any, and the run folder that was given, if any."""

    path: Path
    card: Card | None
    run: Path | None

    def size(self, given: tuple[int, int] | None) -> tuple[int, int] | None:
        """The user's size of the input, unless there is a card."""
        return None if self.card else given

    def sha256(self) -> str:
        """Of the file's bytes, in hexadecimal."""
        return hashlib.sha256(self.path.read_bytes()).hexdigest()

    def named(self) -> ModelRow:
        """The first fields of a result document's row."""
        return ModelRow(self.path.name, self.sha256(), self.variant)

    @property
    def variant(self) -> str | None:
        return self.card.variant if self.card else None

    @property
    def origin(self) -> tuple[Any, ...] | None:
        """The card's, for the ratio to float32."""
        return self.card.origin if self.card else None


def find(paths: list[Path]) -> list[Model]:
    """Finds model files; UserError if a path is neither a file nor a folder with exported models."""
    models: list[Model] = []
    for path in paths:
        if path.is_dir():
            models += _of_folder(path)
        elif path.is_file():
            # A file that is no model has no card either; its row says what it is.
            models.append(Model(path, cards.read(path) if model_kinds.is_tflite(path) else None, None))
        else:
            raise UserError(f"{path}: there is no such model file or run folder; check the path")
    return models


def find_whole(paths: list[Path]) -> list[Model]:
    """Like `find`, but also UserError for a damaged file or no model, before anything is measured."""
    found = find(paths)
    for model in found:
        flatbuffer.check(model.path)
    return found


def common_run(models: Sequence[Model]) -> Path | None:
    """The run folder that was given for all of them; None for files alone, and for several runs."""
    runs = {model.run for model in models}
    return runs.pop() if len(runs) == 1 else None


def _exported(folder: Path) -> list[Path]:
    """The files in export.json, since others may be of an older model, a rescued one in the place of int8's; all files
    if there is no export.json.
    """
    try:
        named = [folder / row.file for row in exports.read(folder).standing if row.file]
    except (FileNotFoundError, NotADirectoryError):
        named = sorted(folder.glob("*.tflite"))
    return [path for path in named if path.is_file()]


def _of_folder(folder: Path) -> list[Model]:
    files = _exported(folder / "export")
    if not files:
        if not (folder / run_record.NAME).is_file() and model_kinds.of_folder(folder):
            model_kinds.require_tflite(folder)
        raise UserError(f"{folder}: no exported models in {folder}/export; create them with: python -m export {folder}")
    models = [Model(file, cards.read(file), folder) for file in files]
    return sorted(models, key=lambda model: NAMES.index(model.variant) if model.variant in NAMES else len(NAMES))
