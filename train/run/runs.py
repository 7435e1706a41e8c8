"""The run folder: the files of a training run, and whether they are up to date."""

import hashlib
import html
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from os import PathLike
from pathlib import Path
from typing import Any

from device import text
from device.data import run_record
from device.data.folders import Cache
from device.data.run_record import RunRecord
from device.errors import UserError
from device.places import is_folder
from train.data import streams
from train.datasets import class_folders
from train.recipes.catalog import FOR_FOLDERS
from train.recipes.recipe import DataRecipe, Recipe
from train.recipes.settings import KINDS, defaults, to_json
from train.run import evaluation
from train.run.evaluation import ClassicalEvaluation, Evaluation


@dataclass(frozen=True)
class Identity:
    """Identifies a run. It alone decides whether a finished run is up to date and whether a checkpoint fits."""

    recipe: Mapping[str, Any]  # all fields, by their flat names
    data: str | None  # fingerprint
    weights: str | None  # checksum of the weights it starts from; None: from scratch
    teacher: str | None  # by checksum
    kind: str = Recipe.kind
    draw: int = streams.FIRST_DRAW  # how random numbers are drawn, and so what is held out; not in old checkpoints

    @classmethod
    def of(cls, recipe: DataRecipe, cache: Cache, weights: Path | None = None) -> "Identity":
        teacher = checksum(teacher_of(recipe))
        return cls(to_json(recipe), cache.fingerprint, checksum(weights), teacher, recipe.kind, streams.DRAW)

    @classmethod
    def recorded(cls, record: RunRecord) -> "Identity":
        weights, teacher = (model.sha256 if model else None for model in (record.begun_with, record.teacher))
        return cls(record.recipe, record.data.fingerprint, weights, teacher, record.kind, record.draw)

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    def changes(self, wanted: "Identity") -> list[str]:
        """The differences to another one, such as 'epochs: 5, now 7'; for another kind, in the fields that both
        have."""
        # A run from before a field existed has the field's default.
        have = {**defaults(KINDS[self.kind]), **self.recipe} if self.recipe else {}
        names = dict.fromkeys([*wanted.recipe, *have])
        if self.kind != wanted.kind:
            names = dict.fromkeys(name for name in names if name in have and name in wanted.recipe)
        found = [
            f"{field}: {have.get(field)}, now {wanted.recipe.get(field)}"
            for field in names
            if have.get(field) != wanted.recipe.get(field) and field != "description"
        ]
        pairs = (
            ("kind", self.kind, wanted.kind),
            ("data fingerprint", self.data, wanted.data),
            ("starting weights", self.weights, wanted.weights),
            ("teacher's weights", self.teacher, wanted.teacher),
        )
        found += [f"{what}: {old or 'none'}, now {new or 'none'}" for what, old, new in pairs if old != new]
        if self.draw != wanted.draw:
            found.append(f"random numbers: draw {self.draw}, now {wanted.draw}, which holds out other images")
        return found


@dataclass(frozen=True, init=False)
class Run:
    """The folder of one run: its file names and results. Shows as a table in a notebook."""

    path: Path

    def __init__(self, path: str | PathLike[str]) -> None:
        object.__setattr__(self, "path", Path(path))

    @property
    def record(self) -> Path:
        return self.path / run_record.NAME

    @property
    def model(self) -> Path:
        return self.path / run_record.MODEL

    @property
    def evaluation(self) -> Path:
        return self.path / evaluation.NAME

    @property
    def checkpoint(self) -> Path:
        return self.path / "checkpoint"

    def read(self) -> RunRecord | None:
        """Reads run.json; None if it is missing or unreadable, UserError for another version's."""
        try:
            return run_record.read(self.path)
        except (OSError, ValueError):
            return None

    @property
    def identity(self) -> Identity | None:
        """The identity in run.json; None if it is missing or unreadable."""
        record = self.read()
        return Identity.recorded(record) if record else None

    @property
    def accuracy(self) -> float:
        """Accuracy on the test images, 0..1; without test images the cross-validated one."""
        return self.read_evaluation().top1

    @property
    def history(self) -> dict[str, list[float]]:
        """Curves by name, one value per epoch; empty if nothing was trained by epochs."""
        try:
            curves: dict[str, list[float]] = json.loads((self.path / "history.json").read_bytes())
        except FileNotFoundError:
            return {}
        return curves

    def read_evaluation(self) -> Evaluation | ClassicalEvaluation:
        """Reads evaluation.json; UserError if it is missing or unreadable."""
        record = self.read()
        kind = ClassicalEvaluation if record and record.is_classical else Evaluation
        try:
            return evaluation.read(kind, self.path)
        except FileNotFoundError:
            raise UserError(f"{self.path}: not evaluated, expected a finished run; train it to its end") from None

    def _repr_html_(self) -> str:
        record = self.read()
        if record is None or not record.is_done:
            return html.escape(f"{self.path}: {record.status if record else 'no run'}")
        found = self.read_evaluation()
        rows = {
            "run": str(self.path),
            "recipe": record.recipe_name,
            "labels": text.some(record.data.labels),
            f"accuracy ({found.split})": text.accuracy(found.top1, found.interval, found.n),
            "best epoch": str(record.best_epoch) if record.best_epoch else "",
        }
        cells = (
            f"<tr><th>{html.escape(name)}</th><td>{html.escape(value)}</td></tr>"
            for name, value in rows.items()
            if value
        )
        return f"<table>{''.join(cells)}</table>"

    @property
    def is_done(self) -> bool:
        record = self.read()
        return record is not None and record.is_done

    def is_up_to_date(self, wanted: Identity) -> bool:
        """Whether the folder holds this run, finished and with its results."""
        made = [self.evaluation, self.model] if wanted.kind == Recipe.kind else [self.evaluation]
        is_whole = self.is_done and all(path.is_file() for path in made)
        return is_whole and self.identity is not None and not self.identity.changes(wanted)


def name_of(recipe: DataRecipe) -> str:
    """The name of a run and its files: the recipe, or for a recipe for your own folders the folder."""
    if recipe.name not in FOR_FOLDERS or not is_folder(recipe.data.source):
        return recipe.name
    folder = class_folders.cache_name(Path(recipe.data.source).resolve())
    return folder if recipe.name == FOR_FOLDERS[0] else f"{folder}_{recipe.name}"


def default(recipe: DataRecipe) -> "Run":
    """The default run folder."""
    return Run(Path("runs") / name_of(recipe))


def checksum(weights: Path | None) -> str | None:
    """The first 12 digits of a file's SHA-256; None for no file."""
    return hashlib.sha256(weights.read_bytes()).hexdigest()[:12] if weights else None


def model_in(path: Path) -> Path:
    """The .keras file itself, or the path of the model in a run folder."""
    return Run(path).model if path.is_dir() else path


def find_model(path: Path, what: str) -> Path:
    """A .keras file, or the model.keras of a run folder; UserError, which starts with `what`, if there is none."""
    model = model_in(path)
    if not model.is_file():
        raise UserError(f"{what} {path}: no such model; expected a .keras file, or a run folder with model.keras in it")
    return model


def record_of(model: Path) -> RunRecord | None:
    """The run.json of a saved model's run; None if there is none, or if it may describe another model."""
    run = Run(model.parent.parent if model.parent.name == "checkpoint" else model.parent)
    is_its_own = model == run.model or model.parent == run.checkpoint
    return run.read() if is_its_own else None


def labels_of(model: Path) -> tuple[str, ...] | None:
    """The labels of a saved model, from its run; None if they are unknown."""
    record = record_of(model)
    return record.data.labels if record else None


def teacher_of(recipe: DataRecipe) -> Path | None:
    """The model that a recipe learns from; UserError if it doesn't exist."""
    return find_model(Path(recipe.teacher), "the teacher") if recipe.teacher else None
