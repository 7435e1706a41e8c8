"""Which training pictures are held out for validation: row numbers of the cache's train.npy. Needs no Keras."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from device.errors import UserError
from train.recipe import Recipe

Rows = npt.NDArray[np.int64]


def split_rows(
    targets: Rows, recipe: Recipe, labels: Sequence[str] = (), given: Rows | None = None
) -> tuple[Rows, Rows]:
    """(training rows, validation rows) of train.npy: the recipe's share of every class, drawn by its seed.

    given: the rows of a folder's own validation/, which are taken as they are. labels: for messages.
    """
    if given is not None:
        return np.setdiff1d(np.arange(len(targets)), given), given
    random = np.random.default_rng(recipe.seed)
    held_out = []
    for target in np.unique(targets):
        mine = random.permutation(np.flatnonzero(targets == target))
        if len(mine) < 2:
            name = repr(labels[target]) if len(labels) else str(target)
            raise UserError(
                f"the class {name} has a single training picture, expected two or more: one is held out for validation;"
                " add pictures of it, or give a folder validation/ beside train/"
            )
        held_out.append(mine[: min(len(mine) - 1, max(1, round(recipe.validation * len(mine))))])
    validation = np.sort(np.concatenate(held_out))
    return np.setdiff1d(np.arange(len(targets)), validation), validation
