"""The run folder: what a training run leaves, and how one tells whether it is still good.

run.json says 'running' from the first moment and 'done' as the last thing that is written.
"""

import importlib.metadata
import json
import platform
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from device import files
from device.folders import Cache
from train.recipes import Recipe

SCHEMA = 1
RUNNING, DONE, INTERRUPTED, FAILED = "running", "done", "interrupted", "failed"
DISTRIBUTIONS = ("tensorflow-cpu", "tensorflow", "keras", "numpy", "opencv-python-headless")


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

    def read(self) -> dict[str, Any] | None:
        """run.json, or None where there is none that can be read."""
        try:
            document = json.loads(self.record.read_bytes())
        except (OSError, ValueError):
            return None
        return document if isinstance(document, dict) else None

    def is_up_to_date(self, recipe: Recipe, cache: Cache) -> bool:
        """Whether a finished run of this very recipe on this very data is here already."""
        document = self.read() or {}
        wanted = (DONE, recipe.to_json(), cache.fingerprint)
        have = (document.get("status"), document.get("recipe"), document.get("data", {}).get("fingerprint"))
        return have == wanted and self.model.is_file()


def start(run: Run, recipe: Recipe, cache: Cache, validation: npt.NDArray[np.int64]) -> dict[str, Any]:
    """Writes the run.json of a run that begins, and returns it."""
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
        "seed": recipe.seed,
        "versions": versions(),
        "git_commit": git_commit(),
        "wall_time_s": None,
        "best_epoch": None,
    }
    files.write_json(run.record, document)
    return document


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
