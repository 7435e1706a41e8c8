"""run.json of a run folder: what the run is, from which images, and how it ended. Written by train, read by all.

It says 'running' from the first moment and 'done' as the last thing that is written.
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
SCHEMA = 2
# Of schema 1: what fields of a recipe, and a schedule, are called since.
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
    """A .keras file by its path when the run began, and the first 12 digits of its SHA-256."""

    path: str
    sha256: str | None


@dataclass(frozen=True, kw_only=True)
class RunData:
    """The images of a run. fingerprint, origin, fit: see CacheIndex; cache: the folder's name; size: (height, width).

    test_share: of a folder that was split by the run; train, validation, test: how many images each part has, counts:
    of these by label; skipped: how many couldn't be read. None: of a run from before it was written down.
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
    copies: CopyCounts | None = None  # None also of a data set by name, which is taken as it is published


@dataclass(frozen=True)
class RunSplit:
    """Rows of train.npy that are held out, and of test.npy those that judge; None: all of them."""

    validation_rows: tuple[int, ...]
    test_rows: tuple[int, ...] | None = None


@dataclass(frozen=True)
class KerasSettings:
    """What networks are made with (train/environment/keras_settings.py); environment: what may change how sums are
    rounded."""

    backend: str
    image_data_format: str
    floatx: str
    epsilon: float
    dtype_policy: str
    environment: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class RunRecord:
    """kind: of a network, or the classical baseline, which has none. recipe: every field by its flat name
    (train/recipes/settings.py). unknown_ancestors: networks before this one that may have seen test images
    (train/run/ancestry.py). draw: see train/data/streams.py.

    parameters: of the network; best: the classical method that was chosen; gpu: what it was trained on, where that was
    written down.
    """

    status: str  # running, done, interrupted or failed
    kind: Literal["network", "classical"]
    name: str | None = None  # of the run and its files; None: as the recipe
    recipe: Mapping[str, Any]
    data: RunData
    split: RunSplit
    unknown_ancestors: tuple[str, ...] = ()
    begun_with: NamedModel | None = field(default=None, metadata={records.NAME: "from"})
    teacher: NamedModel | None = None
    seed: int
    draw: int = 1  # of runs from before there was another
    versions: Mapping[str, str]
    keras: KerasSettings | None = None
    machine: Host | None = None
    git_commit: str | None
    wall_time_s: float | None = None
    best_epoch: int | None = None  # from 1; 0: what it began with; None: nothing was trained by epochs
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
        """Whether it is the baseline without a network."""
        return self.kind == "classical"

    @property
    def test_share(self) -> float:
        """The share of the test, of a folder that was split: as it came about, else as the recipe asked for it."""
        return float(self.recipe["test_split"]) if self.data.test_share is None else self.data.test_share

    @property
    def is_done(self) -> bool:
        return self.status == DONE


def read(folder: Path) -> RunRecord:
    """Of a run folder. OSError where there is none, ValueError for what is no JSON, RecordError for another document.

    UserError for one of another version.
    """
    todo = "train again into another folder with --run DIR, or use the version of framelite that wrote it"
    path = folder / NAME
    return records.parse(RunRecord, _updated(path.read_bytes()), str(path), SCHEMA, todo)


def _updated(text: bytes) -> bytes:
    """A document of schema 1 as one of today's; any other text as it is."""
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
