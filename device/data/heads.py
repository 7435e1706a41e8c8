"""heads.npz of a run folder: the heads of a cross-validation. Written by train, read by export."""

import zipfile
import zlib
from dataclasses import dataclass, fields, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from device import files
from device.errors import UserError

NAME = "heads.npz"


@dataclass(frozen=True)
class Heads:
    """rows: the training images that were judged; folds: of each the head that hasn't seen it.

    kernels: heads x channels x labels; biases: heads x labels.
    """

    rows: npt.NDArray[np.int64]
    folds: npt.NDArray[np.int64]
    kernels: npt.NDArray[np.float32]
    biases: npt.NDArray[np.float32]

    def at(self, places: npt.NDArray[np.int64]) -> "Heads":
        """For the images at these places."""
        return replace(self, rows=self.rows[places], folds=self.folds[places])


def write(folder: Path, heads: Heads) -> None:
    with files.replacing(folder / NAME) as temporary, temporary.open("wb") as file:
        np.savez(file, **vars(heads))


def read(folder: Path) -> Heads:
    """UserError where there are none, or damaged ones."""
    path = folder / NAME
    try:
        with path.open("rb") as file, np.load(file) as arrays:
            return Heads(**{each.name: arrays[each.name] for each in fields(Heads)})
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error):
        raise UserError(f"{path}: the heads of the run's cross-validation can't be read; train it again") from None
