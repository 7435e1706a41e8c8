"""run.json of a run folder: the run's recipe, its images, and how it ended. Written by train.

Its status is 'running' from the start, and 'done' is the last thing that is written.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from device import records
from device.data.cache_index import CopyCounts
from device.host.system import Host
from device.model.card import Fit
from device.records import RecordError

NAME = "run.json"
MODEL = "model.keras"  # the trained network, beside it
SCHEMA = 2
# Fields of a recipe, and a schedule, that schema 1 calls otherwise.
RENAMED = {
    "pictures": "images_per_class",
    "batch": "batch_size",
    "steps": "steps_per_epoch",
    "test": "test_split",
    "validation": "validation_split",
    "size": "image_size",
    "grey": "grayscale",
    "hidden": "head_units",
    "weight_average": "ema_momentum",
    "degraded": "camera_noise",
    "erased": "random_erasing",
    "best_by": "keep_best_by",
    "fine_tune": "fine_tune_epochs",
    "fine_tune_rate": "fine_tune_learning_rate",
    "mirrored": "flip_average",
}
RENAMED_SCHEDULES = {"one_cycle": "warmup_cosine"}
DONE = "done"


@dataclass(frozen=True)
class NamedModel:
    """A .keras file: its path when the run started, and the first 12 digits of its SHA-256."""

    path: str
    sha256: str | None


@dataclass(frozen=True, kw_only=True)
class RunData:
    """The images of a run. fingerprint, origin, fit: see CacheIndex; cache: the folder's name; size: (height, width).

    test_share: for a folder that the run split. train, validation, test: the number of images in each part. counts: the
    same by label. skipped: how many couldn't be read. None: in runs of versions that didn't record it.
    """

    name: str
    fingerprint: str
    origin: str
    cache: str
    labels: tuple[str, ...]
    size: tuple[int, int]
    fit: Fit
    test_share: float | None = None
    train: int
    validation: int
    test: int
    counts: Mapping[str, Mapping[str, int]] | None = None
    skipped: int
    copies: CopyCounts | None = None  # None also for a data set by name, which is used as published


@dataclass(frozen=True)
class RunSplit:
    """The rows of train.npy that are held out, and the rows of test.npy that count; None: all."""

    validation_rows: tuple[int, ...]
    test_rows: tuple[int, ...] | None = None


@dataclass(frozen=True)
class KerasSettings:
    """Keras' settings for networks (train/environment/keras_settings.py). environment: variables that may affect
    rounding."""

    backend: str
    image_data_format: str
    floatx: str
    epsilon: float
    dtype_policy: str
    environment: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class RunRecord:
    """kind: a network, or the classical baseline without one. recipe: every field by its flat name
    (train/recipes/settings.py). unknown_ancestors: earlier networks that may have seen test images
    (train/run/ancestry.py). earlier_data: the fingerprints of what others were trained on, if not on this run's data.
    draw: see train/data/streams.py.

    parameters: of the network. best: the chosen classical method. gpu: the GPU it was trained on, if recorded.
    """

    status: str  # running, done, interrupted or failed
    kind: Literal["network", "classical"]
    name: str | None = None  # of the run and its files; None: as the recipe
    recipe: Mapping[str, Any]
    data: RunData
    split: RunSplit
    unknown_ancestors: tuple[str, ...] = ()
    earlier_data: tuple[str, ...] | None = field(default=None, metadata=records.IF_KNOWN)
    begun_with: NamedModel | None = field(default=None, metadata={records.NAME: "from"})
    teacher: NamedModel | None = None
    seed: int
    draw: int = 1  # in runs of versions that didn't record it
    versions: Mapping[str, str]
    keras: KerasSettings | None = None
    machine: Host | None = None
    git_commit: str | None
    wall_time_s: float | None = None
    best_epoch: int | None = None  # from 1; 0: the weights it started from; None: not trained by epochs
    parameters: int | None = field(default=None, metadata=records.IF_KNOWN)
    best: str | None = field(default=None, metadata=records.IF_KNOWN)
    gpu: str | None = field(default=None, metadata=records.IF_KNOWN)

    def __post_init__(self) -> None:
        if missing := sorted({"name", "test_split"} - set(self.recipe)):
            raise RecordError(f"recipe lacks the field {missing[0]!r}")

    @property
    def recipe_name(self) -> str:
        return str(self.recipe["name"])

    @property
    def is_classical(self) -> bool:
        """Whether this is the baseline without a network."""
        return self.kind == "classical"

    @property
    def test_share(self) -> float:
        """The share of the test in a folder that was split: the actual one, else the recipe's."""
        return float(self.recipe["test_split"]) if self.data.test_share is None else self.data.test_share

    @property
    def is_done(self) -> bool:
        return self.status == DONE


def read(folder: Path) -> RunRecord:
    """Reads run.json. OSError if there is none, ValueError if it isn't JSON, RecordError for another document.

    UserError if it has another version.
    """
    todo = "train again into another folder with --run DIR, or use the version of framelite that wrote it"
    path = folder / NAME
    return records.parse(RunRecord, _updated(path.read_bytes()), str(path), SCHEMA, todo)


def _updated(text: bytes) -> bytes:
    """Updates a document of schema 1 to the current one; returns any other text unchanged."""
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        return text
    if not isinstance(document, dict) or document.get("schema", 1) != 1:
        return text
    recipe = document.get("recipe")
    if isinstance(recipe, dict):
        recipe = {RENAMED.get(name, name): value for name, value in recipe.items()}
        if (schedule := recipe.get("schedule")) in RENAMED_SCHEDULES:
            recipe["schedule"] = RENAMED_SCHEDULES[schedule]
        document["kind"] = "classical" if recipe.get("network") == "classical" else "network"
    return json.dumps({**document, "schema": SCHEMA, "recipe": recipe}).encode()


def write(folder: Path, record: RunRecord) -> None:
    records.write(folder / NAME, record, SCHEMA)
