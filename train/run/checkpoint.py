"""Where --resume goes on: the whole state after an epoch, on disk before the next one begins.

    checkpoint/epoch_0007.keras    weights, optimizer, compile state
    checkpoint/latest.json         which file counts, its checksum, of which run, best epoch, history; written last

Each file is synced and renamed, and latest.json is renamed after the model is whole: at any moment, also when the power
fails, latest.json names a checkpoint that can be read. What Keras doesn't save, the state of random numbers, is derived
from (seed, epoch) instead (train/fitting/callbacks.py), so a resumed run ends with the same weights as one that
wasn't. Of what run it is stands in latest.json too, because run.json may be another's, or be lost.

Keras is imported late: whether there is something to go on with is asked before.
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
    """What a run knows beside its model: epochs done, best epoch (from 1; 0: none yet), seconds, curves.

    best: its validation accuracy, its validation loss below zero, or its number: the higher the better.
    """

    epoch: int = 0
    best: float = -math.inf
    best_epoch: int = 0
    seconds: float = 0.0
    history: dict[str, list[float]] | None = None


@dataclass(frozen=True)
class Place:
    """Where the checkpoints of a run are kept."""

    folder: Path
    run: Identity


def save(place: Place, model: "keras.Model", state: State) -> None:
    """Writes the checkpoint of an epoch, then makes it the one that counts, then removes older ones."""
    folder, name = place.folder, f"epoch_{state.epoch:04}.keras"
    with files.replacing(folder / name) as temporary:
        model.save(temporary)
    digest = hashlib.sha256((folder / name).read_bytes()).hexdigest()
    document = {"file": name, "sha256": digest, "run": place.run.to_json(), **asdict(state)}
    files.write_json(folder / LATEST, document)
    for path in folder.glob("*.keras"):
        if path.name != name:
            path.unlink()


@dataclass(frozen=True)
class Latest:
    """The checkpoint that counts: its file with its checksum, of which run, and how far that has come."""

    path: Path
    sha256: str
    run: Identity
    state: State


def find(folder: Path) -> Latest | None:
    """What latest.json says; None where there is no checkpoint yet."""
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
    """The checkpoint that counts, compiled and with its optimizer's state; None where there is none yet."""
    import keras

    latest = find(folder)
    if latest is None:
        return None
    path = latest.path
    if not path.is_file() or hashlib.sha256(path.read_bytes()).hexdigest() != latest.sha256:
        raise UserError(f"{path}: missing or damaged since it was written; train from the beginning with --again")
    return keras.models.load_model(path), latest.state


def check_resume(run: Run, wanted: Identity) -> bool:
    """Whether there is something to go on with: not where a run never came to its first checkpoint.

    UserError for a run of other settings or data, and for one whose best model is gone.
    """
    latest = find(run.checkpoint)
    have = latest.run if latest else run.identity
    if have and (changes := have.changes(wanted)):
        raise UserError(
            f"{run.path}: can't go on, it was begun with other settings or data ({'; '.join(changes)});"
            " give the same again, or begin anew with --again"
        )
    if latest and not run.model.is_file():
        raise UserError(f"{run.model}: missing since epoch {latest.state.best_epoch}; begin anew with --again")
    return latest is not None


def check_begin(run: Run, wanted: Identity) -> None:
    """Refuses to begin anew where the same run was interrupted, without being told to."""
    latest = None if run.is_done else find(run.checkpoint)
    if latest and not latest.run.changes(wanted):
        raise UserError(
            f"{run.path}: this run was interrupted after epoch {latest.state.epoch}; go on with --resume, or begin anew"
            " with --again"
        )
