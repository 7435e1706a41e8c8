"""Where --resume goes on: the whole state after an epoch, on disk before the next one begins.

    checkpoint/epoch_0007.keras    weights, optimizer, compile state
    checkpoint/latest.json         which file counts, its checksum, the best epoch so far, the history; written last

Each file is synced and renamed, and latest.json is renamed after the model is whole: at any moment, also when the power
fails, latest.json names a checkpoint that can be read. What Keras doesn't save, the state of random numbers, is derived
from (seed, epoch) instead (train/callbacks.py), so a resumed run ends with the same weights as one that wasn't.
"""

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path

import keras

from device import files
from device.errors import UserError

LATEST = "latest.json"


@dataclass(frozen=True)
class State:
    """What a run knows beside its model: epochs done, best epoch (from 1; 0: none yet), seconds, curves."""

    epoch: int = 0
    best: float = -1.0
    best_epoch: int = 0
    seconds: float = 0.0
    history: dict[str, list[float]] | None = None


def save(folder: Path, model: keras.Model, state: State) -> None:
    """Writes the checkpoint of an epoch, then makes it the one that counts, then removes older ones."""
    name = f"epoch_{state.epoch:04}.keras"
    with files.replacing(folder / name, sync=True) as temporary:
        model.save(temporary)
    digest = hashlib.sha256((folder / name).read_bytes()).hexdigest()
    files.write_json(folder / LATEST, {"file": name, "sha256": digest, **asdict(state)}, sync=True)
    for path in folder.glob("*.keras"):
        if path.name != name:
            path.unlink()


def load(folder: Path) -> tuple[keras.Model, State] | None:
    """The checkpoint that counts, compiled and with its optimizer's state; None where there is none yet."""
    try:
        document = json.loads((folder / LATEST).read_bytes())
    except FileNotFoundError:
        return None
    except ValueError as error:
        raise UserError(f"{folder / LATEST}: can't be read: {error}; train from the beginning with --again") from None
    path = folder / document.pop("file")
    digest = document.pop("sha256")
    if not path.is_file() or hashlib.sha256(path.read_bytes()).hexdigest() != digest:
        raise UserError(f"{path}: missing or damaged since it was written; train from the beginning with --again")
    return keras.models.load_model(path), State(**document)
