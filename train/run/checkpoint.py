"""Checkpoints for --resume: the whole state after an epoch, on disk before the next one starts.

    checkpoint/epoch_0007.keras    weights, optimizer, compile state
    checkpoint/latest.json         which file counts, its checksum, of which run, best epoch, history; written last

Each file is synced and renamed, and latest.json is renamed after the model is complete: at any moment, even after a
power failure, latest.json names a readable checkpoint. Keras doesn't save the state of random numbers; it is derived
from (seed, epoch) (train/fitting/callbacks.py), so a resumed run ends with the same weights as an uninterrupted one.
latest.json also records which run it belongs to, because run.json may be lost or describe another run.

Keras is imported late, after the check whether there is a checkpoint.
"""

import hashlib
import json
import math
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from device import files
from device.errors import UserError
from train.run.runs import Identity, Run

if TYPE_CHECKING:
    import keras

LATEST = "latest.json"


@dataclass(frozen=True)
class State:
    """The state of a run beside its model: epochs done, best epoch (from 1; 0: none yet), seconds, curves.

    best: its validation accuracy, its negative validation loss, or its number; higher is better.
    """

    epoch: int = 0
    best: float = -math.inf
    best_epoch: int = 0
    seconds: float = 0.0
    history: dict[str, list[float]] | None = None


@dataclass(frozen=True)
class Place:
    """The folder of a run's checkpoints."""

    folder: Path
    run: Identity


def save(place: Place, model: "keras.Model", state: State) -> None:
    """Writes the checkpoint of an epoch, makes it the latest, and removes older ones."""
    folder, name = place.folder, f"epoch_{state.epoch:04}.keras"
    with files.replacing(folder / name) as temporary:
        model.save(temporary)
    digest = hashlib.sha256((folder / name).read_bytes()).hexdigest()
    document = {"file": name, "sha256": digest, "run": place.run.to_json(), **asdict(state)}
    files.write_json(folder / LATEST, document)
    _remove_others(folder, name)


def tidy(folder: Path) -> None:
    """Removes what a kill left: files that it cut short, and checkpoints before the latest."""
    files.remove_unfinished(folder)
    if latest := find(folder):
        _remove_others(folder, latest.path.name)


def _remove_others(folder: Path, name: str) -> None:
    for path in folder.glob("*.keras"):
        if path.name != name:
            path.unlink()


@dataclass(frozen=True)
class Latest:
    """The latest checkpoint: its file and checksum, its run, and its state."""

    path: Path
    sha256: str
    run: Identity
    state: State


def find(folder: Path) -> Latest | None:
    """Reads latest.json; None if there is no checkpoint yet."""
    path = folder / LATEST
    try:
        document: dict[str, Any] = json.loads(path.read_bytes())
        file, digest, run = (document.pop(key) for key in ("file", "sha256", "run"))
        return Latest(folder / file, digest, Identity(**run), State(**document))
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(f"{path}: can't be read: {error}; train from the beginning with --again") from None


def load(folder: Path) -> "tuple[keras.Model, State] | None":
    """Loads the latest checkpoint, compiled and with its optimizer's state; None if there is none yet."""
    import keras

    latest = find(folder)
    if latest is None:
        return None
    path = latest.path
    if not path.is_file() or hashlib.sha256(path.read_bytes()).hexdigest() != latest.sha256:
        raise UserError(f"{path}: missing, or damaged since it was written; train from the beginning with --again")
    return keras.models.load_model(path), latest.state


def check_resume(run: Run, wanted: Identity) -> bool:
    """Whether there is a checkpoint to go on from: False if the run was interrupted before its first one.

    UserError for a run with other settings or data, and for one whose best model is missing.
    """
    latest = find(run.checkpoint)
    have = latest.run if latest else run.identity
    if have and (changes := have.changes(wanted)):
        raise UserError(
            f"{run.path}: can't go on, it was started with other settings or data ({'; '.join(changes)});"
            " use the same ones, or train again with --again"
        )
    if latest and not run.model.is_file():
        raise UserError(f"{run.model}: missing since epoch {latest.state.best_epoch}; train again with --again")
    return latest is not None


def check_begin(run: Run, wanted: Identity) -> None:
    """UserError if the same run was interrupted and neither --resume nor --again was given."""
    latest = None if run.is_done else find(run.checkpoint)
    if latest and not latest.run.changes(wanted):
        raise UserError(
            f"{run.path}: this run was interrupted after epoch {latest.state.epoch}; go on with --resume, or train"
            " again with --again"
        )
