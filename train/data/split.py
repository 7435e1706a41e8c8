"""Which images are held out, for the test and for validation: one algorithm, by groups of identical images.

Needs no Keras.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from device.data import copies
from device.data.folders import Cache
from device.errors import UserError
from train.data.streams import Purpose, generator
from train.recipes.recipe import DataRecipe

Rows = npt.NDArray[np.int64]

# The share of the test where none is asked for; and up to so many images there is none where cross-validation can do
# without: a fifth of ten images is no test, and of a thousand five times as many tell more.
A_FIFTH = 0.2
FEW = 1000


def test_share(asked: float, images: int) -> float:
    """Of a folder that has no test of its own; 0 where cross-validation stands for it. asked: 0 where nothing is."""
    return asked or (0.0 if images <= FEW else A_FIFTH)


def held_out(
    targets: Rows, groups: Rows, share: float, random: np.random.Generator, labels: Sequence[str] = ()
) -> Rows:
    """The rows that are held out, sorted: of every class the share of its groups, at least one and not all.

    targets, groups: of each row its label and its group; a group is never on both sides. Where every row is a group of
    its own this is a share of every class's rows. random: draws them (train/data/streams.py). labels: what the classes
    are called in an error; UserError for a class that can't be on both sides.
    """
    out, kept = np.zeros((2, int(groups.max()) + 1), np.bool_)
    for target in np.unique(targets):
        mine = groups[targets == target]
        drawn = random.permutation(mine[~copies.repeated(mine)])
        wanted = min(len(drawn) - 1, max(1, round(share * len(drawn))))
        free = drawn[~out[drawn] & ~kept[drawn]]  # a group may have images of several classes
        more = max(0, wanted - int(out[drawn].sum()))
        out[free[:more]] = True
        kept[free[more:]] = True
        if not (out[drawn].any() and kept[drawn].any()):
            raise UserError(_cannot_split(labels[int(target)] if len(labels) else str(target), len(drawn)))
    return np.flatnonzero(out[groups])


def _cannot_split(label: str, groups: int) -> str:
    found = "a single image" if groups == 1 else f"{groups} groups of images that belong together"
    return (
        f"the class {label!r} has {found} to split (copies of an image count once), expected two or more:"
        " one is held out; add images, or remove the class"
    )


def split_rows(
    targets: Rows,
    recipe: DataRecipe,
    groups: Rows | None = None,
    labels: Sequence[str] = (),
    given: Rows | None = None,
) -> tuple[Rows, Rows]:
    """(training rows, validation rows) of train.npy: the recipe's share of every class, drawn by its seed.

    groups: of each row, see `held_out`; None: no two belong together. given: the rows of a folder's own validation/,
    which are taken as they are.
    """
    if given is not None:
        return np.setdiff1d(np.arange(len(targets)), given), given
    own = np.arange(len(targets)) if groups is None else groups
    random = generator(Purpose.VALIDATION, recipe.seed)
    validation = held_out(targets, own, recipe.data.validation_split, random, labels)
    return np.setdiff1d(np.arange(len(targets)), validation), validation


def split_cache(cache: Cache, recipe: DataRecipe) -> tuple[Rows, Rows]:
    """(training rows, validation rows) of a cache: identical images are never on both sides.

    A fitted head has no epoch to choose, so it learns from all images but a validation folder's.
    """
    if recipe.can_cross_validate and cache.validation_rows is None:
        return np.arange(len(cache.targets("train"))), np.empty(0, np.int64)
    groups = copies.groups_of(cache.hashes("train"))
    return split_rows(cache.targets("train"), recipe, groups, cache.labels, cache.validation_rows)
