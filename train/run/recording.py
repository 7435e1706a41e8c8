"""Writes run.json at the start and the end of a run."""

import contextlib
import importlib.metadata
import platform
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from device.data import run_record
from device.data.folders import Cache
from device.data.run_record import DONE as DONE
from device.data.run_record import KerasSettings, NamedModel, RunData, RunRecord, RunSplit
from device.host import system
from train.data.class_counts import ClassCounts
from train.recipes.recipe import DataRecipe
from train.recipes.settings import to_json
from train.run.runs import Identity, Run, model_in, name_of

RUNNING, INTERRUPTED, FAILED = "running", "interrupted", "failed"
DISTRIBUTIONS = (
    *("tensorflow-cpu", "tensorflow", "jax", "keras", "numpy", "opencv-python-headless"),
    *("scikit-learn", "scikit-image"),
)


def start(
    run: Run,
    recipe: DataRecipe,
    cache: Cache,
    validation: npt.NDArray[np.int64],
    weights: Path | None = None,
    identity: Identity | None = None,
    keras: KerasSettings | None = None,
    test: npt.NDArray[np.int64] | None = None,
    unknown: Sequence[str] = (),
    earlier_data: Sequence[str] = (),
) -> RunRecord:
    """Writes the run.json of a new run, and returns it.

    identity: given if the files that it names may have been moved since it was computed. keras: see
    train/environment/keras_settings.py. test, unknown, earlier_data: the test rows to use if not all, the earlier
    networks that may have seen some of them, and the data of the others (train/run/ancestry.py).
    """
    identity = identity or Identity.of(recipe, cache, weights)
    teacher = model_in(Path(recipe.teacher)) if recipe.teacher else None
    record = RunRecord(
        status=RUNNING,
        name=name_of(recipe),
        kind=recipe.kind,
        recipe=to_json(recipe),
        data=_data(cache, validation, test),
        split=RunSplit(tuple(validation.tolist()), None if test is None else tuple(test.tolist())),
        unknown_ancestors=tuple(unknown),
        earlier_data=tuple(earlier_data) or None,
        begun_with=_named(weights, identity.weights),
        teacher=_named(teacher, identity.teacher),
        seed=recipe.seed,
        draw=identity.draw,
        versions=versions(),
        keras=keras,
        machine=system.describe(),
        git_commit=git_commit(),
    )
    run_record.write(run.path, record)
    return record


def _named(model: Path | None, digest: str | None) -> NamedModel | None:
    return NamedModel(str(model), digest) if model else None


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
    """Records an exception that ends the block in run.json, as interrupted or failed, and lets it pass."""
    try:
        yield
    except KeyboardInterrupt:
        finish(run, record, INTERRUPTED)
        raise
    except BaseException:
        with contextlib.suppress(OSError):  # on a full disk it stays 'running', and the first error is reported
            finish(run, record, FAILED)
        raise


def finish(run: Run, record: RunRecord, status: str, **more: Any) -> None:
    """Writes the final record; more: fields that are known now."""
    run_record.write(run.path, replace(record, **more, status=status))


def versions() -> dict[str, str]:
    """The versions of Python and of the installed packages that decide a training's result."""
    found = {"python": platform.python_version()}
    for name in DISTRIBUTIONS:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def git_commit() -> str | None:
    """The commit of this checkout, with '-dirty' where files differ from it; None outside a checkout."""
    here = Path(__file__).resolve().parents[2]
    if not (here / "pyproject.toml").is_file():  # installed: a checkout around it belongs to another project
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
