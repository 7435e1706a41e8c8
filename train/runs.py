"""The run folder: what a training run leaves, and how one tells whether it is still good.

run.json says 'running' from the first moment and 'done' as the last thing that is written.
"""

import contextlib
import hashlib
import importlib.metadata
import json
import platform
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from device import files
from device.errors import UserError
from device.folders import Cache
from train.recipe import Recipe, defaults

SCHEMA = 1
RUNNING, DONE, INTERRUPTED, FAILED = "running", "done", "interrupted", "failed"
DISTRIBUTIONS = (
    *("tensorflow-cpu", "tensorflow", "jax", "keras", "numpy", "opencv-python-headless"),
    *("scikit-learn", "scikit-image"),
)
WRITTEN = (
    *("model.keras", "history.json", "history.png", "evaluation.json", "confusion.png", "samples.png"),
    *("features.png", "boundary.png"),
)


@dataclass(frozen=True)
class Run:
    """The folder of one run and the names in it."""

    path: Path

    @property
    def record(self) -> Path:
        return self.path / "run.json"

    @property
    def model(self) -> Path:
        return self.path / "model.keras"

    @property
    def checkpoint(self) -> Path:
        return self.path / "checkpoint"

    def forget(self) -> None:
        """Removes what an older run in this folder left that a new one may not write again."""
        shutil.rmtree(self.checkpoint, ignore_errors=True)
        for name in WRITTEN:
            (self.path / name).unlink(missing_ok=True)

    def read(self) -> dict[str, Any] | None:
        """run.json, or None where there is none that can be read."""
        try:
            document = json.loads(self.record.read_bytes())
        except (OSError, ValueError):
            return None
        return document if isinstance(document, dict) else None

    def is_up_to_date(self, recipe: Recipe, cache: Cache, weights: Path | None = None) -> bool:
        """Whether a finished run of this very recipe on this very data is here already."""
        document = self.read() or {}
        done = document.get("status") == DONE and (self.model.is_file() or recipe.network == "classical")
        return done and not self.changes(recipe, cache, weights)

    def changes(self, recipe: Recipe, cache: Cache, weights: Path | None = None) -> list[str]:
        """What differs between the run that is here and the one that is asked for, each as 'epochs: 5, now 7'."""
        document = self.read() or {}
        have, wanted = document.get("recipe", {}), recipe.to_json()
        if have:  # a run from before a field was there is one with the field's default
            have = {**defaults(), **have}
        found = [
            f"{field}: {have.get(field)}, now {wanted.get(field)}"
            for field in dict.fromkeys([*wanted, *have])
            if have.get(field) != wanted.get(field) and field != "description"
        ]
        pairs = (
            ("data fingerprint", document.get("data", {}).get("fingerprint"), cache.fingerprint),
            ("starting weights", (document.get("from") or {}).get("sha256"), _digest(weights)),
            ("teacher's weights", (document.get("teacher") or {}).get("sha256"), _digest(_teacher_of(recipe))),
        )
        return found + [f"{what}: {old or 'none'}, now {new or 'none'}" for what, old, new in pairs if old != new]


def _named(model: Path | None) -> dict[str, Any] | None:
    return {"path": str(model), "sha256": _digest(model)} if model else None


def _digest(weights: Path | None) -> str | None:
    return hashlib.sha256(weights.read_bytes()).hexdigest()[:12] if weights else None


def find_model(path: Path, what: str) -> Path:
    """A .keras file, or the model.keras of a run folder; UserError, which begins with `what`, where there is none."""
    model = Run(path).model if path.is_dir() else path
    if not model.is_file():
        raise UserError(f"{what} {path}: no such model; expected a .keras file, or a run folder with model.keras in it")
    return model


def _teacher_of(recipe: Recipe) -> Path | None:
    return find_model(Path(recipe.teacher), "the teacher") if recipe.teacher else None


def start(
    run: Run, recipe: Recipe, cache: Cache, validation: npt.NDArray[np.int64], weights: Path | None = None
) -> dict[str, Any]:
    """Writes the run.json of a run that begins, and returns it."""
    teacher = _teacher_of(recipe)
    document = {
        "schema": SCHEMA,
        "status": RUNNING,
        "recipe": recipe.to_json(),
        "data": {
            "name": cache.name,
            "fingerprint": cache.fingerprint,
            "origin": cache.index["origin"],
            "cache": cache.path.name,
            "labels": list(cache.labels),
            "size": list(cache.size),
            "fit": cache.fit,
            "train": len(cache.targets("train")) - len(validation),
            "validation": len(validation),
            "test": len(cache.targets("test")),
            "skipped": len(cache.index["skipped"]),
        },
        "split": {"validation_rows": validation.tolist()},
        "from": _named(weights),
        "teacher": _named(teacher),
        "seed": recipe.seed,
        "versions": versions(),
        "git_commit": git_commit(),
        "wall_time_s": None,
        "best_epoch": None,
    }
    files.write_json(run.record, document)
    return document


@contextlib.contextmanager
def under_way(run: Run, document: dict[str, Any]) -> Iterator[None]:
    """What ends the block early is written into run.json, as interrupted or failed, and goes on its way."""
    try:
        yield
    except KeyboardInterrupt:
        finish(run, document, INTERRUPTED)
        raise
    except BaseException:
        finish(run, document, FAILED)
        raise


def finish(run: Run, document: dict[str, Any], status: str, **more: Any) -> None:
    files.write_json(run.record, {**document, **more, "status": status})


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
