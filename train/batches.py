"""Batches for Keras from a picture cache: shuffled, mirrored, all random numbers from (seed, epoch, index).

So the batch number i of epoch e is the same whenever it is asked for, on any machine and after any interruption.
"""

from typing import Any

import keras
import numpy as np
import numpy.typing as npt

from device.errors import UserError
from device.folders import Cache
from train.recipes import Recipe


class Batches(keras.utils.PyDataset):  # type: ignore[misc]
    """Training batches: uint8 pictures [n, height, width, 3] with targets as the loss wants them."""

    def __init__(self, cache: Cache, rows: npt.NDArray[np.int64], recipe: Recipe) -> None:
        super().__init__(workers=1, use_multiprocessing=False, max_queue_size=8)
        self.pictures = cache.pictures("train")
        self.targets = as_targets(cache.targets("train"), len(cache.labels), recipe)
        self.rows = rows
        self.recipe = recipe
        self.epoch = 0
        self.order = self._shuffled()

    def _shuffled(self) -> npt.NDArray[np.int64]:
        return np.random.default_rng([self.recipe.seed, self.epoch]).permutation(self.rows)

    def on_epoch_end(self) -> None:
        self.epoch += 1
        self.order = self._shuffled()

    def __len__(self) -> int:
        return -(-len(self.rows) // self.recipe.batch)

    def __getitem__(self, index: int) -> tuple[npt.NDArray[np.uint8], npt.NDArray[Any]]:
        rows = self.order[index * self.recipe.batch : (index + 1) * self.recipe.batch]
        pictures = self.pictures[rows]
        if self.recipe.horizontal_flip:
            random = np.random.default_rng([self.recipe.seed, self.epoch, index])
            mirrored = random.random(len(rows)) < 0.5
            pictures[mirrored] = pictures[mirrored, :, ::-1]
        return pictures, self.targets[rows]


def as_targets(targets: npt.NDArray[np.int64], labels: int, recipe: Recipe) -> npt.NDArray[Any]:
    """Label numbers for a sparse loss, rows of 0 and 1 otherwise."""
    if recipe.loss.startswith("sparse"):
        return targets.astype(np.int32)
    return np.eye(labels, dtype=np.float32)[targets]


def split_rows(targets: npt.NDArray[np.int64], recipe: Recipe) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """(training rows, validation rows) of train.npy: the recipe's share of every class, drawn by its seed."""
    random = np.random.default_rng(recipe.seed)
    held_out = []
    for target in np.unique(targets):
        mine = random.permutation(np.flatnonzero(targets == target))
        if len(mine) < 2:
            raise UserError("a class has a single training picture, expected two or more: one is held out")
        held_out.append(mine[: min(len(mine) - 1, max(1, round(recipe.validation * len(mine))))])
    validation = np.sort(np.concatenate(held_out))
    return np.setdiff1d(np.arange(len(targets)), validation), validation
