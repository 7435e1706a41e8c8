"""The run folder: what a training run leaves, and how one tells whether it is still good."""

import contextlib
import hashlib
import importlib.metadata
import platform
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from device import board
from device.data import run_record
from device.data.run_record import DONE as DONE
from device.data.run_record import KerasSettings, NamedModel, RunData, RunRecord, RunSplit
from device.errors import UserError
from device.folders import Cache
from train import class_folders, evaluation, streams
from train.class_counts import ClassCounts
from train.recipe import FOR_FOLDERS, Recipe, defaults, is_folder

RUNNING, INTERRUPTED, FAILED = "running", "interrupted", "failed"
DISTRIBUTIONS = (
    *("tensorflow-cpu", "tensorflow", "jax", "keras", "numpy", "opencv-python-headless"),
    *("scikit-learn", "scikit-image"),
)


@dataclass(frozen=True)
class Identity:
    """What makes a run this one and no other. A finished run is up to date, and a checkpoint is taken, by it alone."""

    recipe: Mapping[str, Any]  # all fields
    data: str | None  # fingerprint
    weights: str | None  # those it starts from, by checksum; None: from none
    teacher: str | None  # by checksum
    draw: int = streams.FIRST_DRAW  # how random numbers are drawn, and so what is held out; a checkpoint may not say

    @classmethod
    def of(cls, recipe: Recipe, cache: Cache, weights: Path | None = None) -> "Identity":
        teacher = checksum(teacher_of(recipe))
        return cls(recipe.to_json(), cache.fingerprint, checksum(weights), teacher, streams.DRAW)

    @classmethod
    def recorded(cls, record: RunRecord) -> "Identity":
        weights, teacher = (model.sha256 if model else None for model in (record.begun_with, record.teacher))
        return cls(record.recipe, record.data.fingerprint, weights, teacher, record.draw)

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    def changes(self, wanted: "Identity") -> list[str]:
        """What is different in another one, each as 'epochs: 5, now 7'."""
        # A run from before a field was there is one with the field's default.
        have = {**defaults(), **self.recipe} if self.recipe else {}
        found = [
            f"{field}: {have.get(field)}, now {wanted.recipe.get(field)}"
            for field in dict.fromkeys([*wanted.recipe, *have])
            if have.get(field) != wanted.recipe.get(field) and field != "description"
        ]
        pairs = (
            ("data fingerprint", self.data, wanted.data),
            ("starting weights", self.weights, wanted.weights),
            ("teacher's weights", self.teacher, wanted.teacher),
        )
        found += [f"{what}: {old or 'none'}, now {new or 'none'}" for what, old, new in pairs if old != new]
        if self.draw != wanted.draw:
            found.append(f"random numbers: draw {self.draw}, now {wanted.draw}, which holds out other images")
        return found


@dataclass(frozen=True)
class Run:
    """The folder of one run and the names in it."""

    path: Path

    @property
    def record(self) -> Path:
        return self.path / run_record.NAME

    @property
    def model(self) -> Path:
        return self.path / "model.keras"

    @property
    def evaluation(self) -> Path:
        return self.path / evaluation.NAME

    @property
    def heads(self) -> Path:
        """Those that stand for a test (train/head.py, Unseen)."""
        return self.path / "heads.npz"

    @property
    def checkpoint(self) -> Path:
        return self.path / "checkpoint"

    def read(self) -> RunRecord | None:
        """run.json, or None where there is none that can be read; UserError for one of another version."""
        try:
            return run_record.read(self.path)
        except (OSError, ValueError):
            return None

    @property
    def identity(self) -> Identity | None:
        """Of the run that run.json is of; None where there is none that can be read."""
        record = self.read()
        return Identity.recorded(record) if record else None

    @property
    def is_done(self) -> bool:
        record = self.read()
        return record is not None and record.is_done

    def is_up_to_date(self, wanted: Identity) -> bool:
        """Whether this very run is here already, finished, with what it is for."""
        made = [self.evaluation] if wanted.recipe["network"] == "classical" else [self.evaluation, self.model]
        is_whole = self.is_done and all(path.is_file() for path in made)
        return is_whole and self.identity is not None and not self.identity.changes(wanted)


def name_of(recipe: Recipe) -> str:
    """What a run and its files are called: the recipe; by a recipe that is for folders of one's own the folder."""
    if recipe.name not in FOR_FOLDERS or not is_folder(recipe.data):
        return recipe.name
    folder = class_folders.cache_name(Path(recipe.data).resolve())
    return folder if recipe.name == FOR_FOLDERS[0] else f"{folder}_{recipe.name}"


def default(recipe: Recipe) -> "Run":
    """The run folder of one that isn't told another."""
    return Run(Path("runs") / name_of(recipe))


def _named(model: Path | None, digest: str | None) -> NamedModel | None:
    return NamedModel(str(model), digest) if model else None


def checksum(weights: Path | None) -> str | None:
    return hashlib.sha256(weights.read_bytes()).hexdigest()[:12] if weights else None


def model_in(path: Path) -> Path:
    """A .keras file itself, or what the model of a run folder is called."""
    return Run(path).model if path.is_dir() else path


def find_model(path: Path, what: str) -> Path:
    """A .keras file, or the model.keras of a run folder; UserError, which begins with `what`, where there is none."""
    model = model_in(path)
    if not model.is_file():
        raise UserError(f"{what} {path}: no such model; expected a .keras file, or a run folder with model.keras in it")
    return model


def record_of(model: Path) -> RunRecord | None:
    """The run.json of the run that a saved model lies in; None where there is none, or it may be of another model."""
    run = Run(model.parent.parent if model.parent.name == "checkpoint" else model.parent)
    is_its_own = model == run.model or model.parent == run.checkpoint
    return run.read() if is_its_own else None


def labels_of(model: Path) -> tuple[str, ...] | None:
    """The labels of a saved model, by its run; None where they aren't known."""
    record = record_of(model)
    return record.data.labels if record else None


def teacher_of(recipe: Recipe) -> Path | None:
    """The model that a recipe learns from; UserError where it names one that isn't there."""
    return find_model(Path(recipe.teacher), "the teacher") if recipe.teacher else None


def start(
    run: Run,
    recipe: Recipe,
    cache: Cache,
    validation: npt.NDArray[np.int64],
    weights: Path | None = None,
    identity: Identity | None = None,
    keras: KerasSettings | None = None,
    test: npt.NDArray[np.int64] | None = None,
    unknown: Sequence[str] = (),
) -> RunRecord:
    """Writes the run.json of a run that begins, and returns it.

    identity: where the files that it names may have been moved since it was taken. keras: see train/keras_settings.py.
    test, unknown: the rows of the test that are asked about, where it isn't all, and the networks before this one that
    may have seen some of these (train/ancestry.py).
    """
    identity = identity or Identity.of(recipe, cache, weights)
    teacher = model_in(Path(recipe.teacher)) if recipe.teacher else None
    record = RunRecord(
        status=RUNNING,
        name=name_of(recipe),
        recipe=recipe.to_json(),
        data=_data(cache, validation, test),
        split=RunSplit(tuple(validation.tolist()), None if test is None else tuple(test.tolist())),
        unknown_ancestors=tuple(unknown),
        begun_with=_named(weights, identity.weights),
        teacher=_named(teacher, identity.teacher),
        seed=recipe.seed,
        draw=identity.draw,
        versions=versions(),
        keras=keras,
        machine=board.describe(),
        git_commit=git_commit(),
    )
    run_record.write(run.path, record)
    return record


def _data(cache: Cache, validation: npt.NDArray[np.int64], test: npt.NDArray[np.int64] | None) -> RunData:
    return RunData(
        name=cache.name,
        fingerprint=cache.fingerprint,
        origin=cache.index.origin,
        cache=cache.path.name,
        labels=cache.labels,
        size=cache.size,
        fit=cache.fit,
        test_share=cache.index.split.test,
        train=len(cache.targets("train")) - len(validation),
        validation=len(validation),
        test=len(cache.targets("test")) if test is None else len(test),
        counts=ClassCounts.of(cache, validation).to_json(),
        skipped=len(cache.index.skipped),
        copies=cache.index.copies,
    )


@contextlib.contextmanager
def under_way(run: Run, record: RunRecord) -> Iterator[None]:
    """What ends the block early is written into run.json, as interrupted or failed, and goes on its way."""
    try:
        yield
    except KeyboardInterrupt:
        finish(run, record, INTERRUPTED)
        raise
    except BaseException:
        with contextlib.suppress(OSError):  # on a full disk it stays 'running', and what was refused first is said
            finish(run, record, FAILED)
        raise


def finish(run: Run, record: RunRecord, status: str, **more: Any) -> None:
    """more: fields of the record that are known now."""
    run_record.write(run.path, replace(record, **more, status=status))


def versions() -> dict[str, str]:
    found = {"python": platform.python_version()}
    for name in DISTRIBUTIONS:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def git_commit() -> str | None:
    """The commit of this checkout, with '-dirty' where files differ from it; None outside a checkout."""
    here = Path(__file__).resolve().parent
    if not (here.parent / "pyproject.toml").is_file():  # installed: the checkout around it, if any, is another's
        return None
    try:
        done = subprocess.run(
            ["git", "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"],
            cwd=here,
            capture_output=True,
            text=True,
            timeout=20,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() or None if done.returncode == 0 else None
