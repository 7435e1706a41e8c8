"""Splits off images for the test and for validation: one algorithm, by groups of identical images.

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

# The default share of the test; and up to so many images there is none if cross-validation replaces it: a fifth of ten
# images is no test, and all of a thousand tell more than a fifth.
A_FIFTH = 0.2
FEW = 1000


def test_share(asked: float, images: int) -> float:
    """The share of the test in a folder without one; 0 if cross-validation replaces it. asked: 0: not requested."""
    return asked or (0.0 if images <= FEW else A_FIFTH)


def held_out(
    targets: Rows, groups: Rows, share: float, random: np.random.Generator, labels: Sequence[str] = ()
) -> Rows:
    """The rows to hold out, sorted: the share of every class' groups, at least one and not all.

    targets, groups: each row's label and group; a group is never on both sides. If every row is its own group, this is
    a share of every class' rows. random: draws them (train/data/streams.py). labels: names of the classes, for errors.
    UserError for a class that can't be on both sides.
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
        f"the class {label!r} has {found} to split (copies of an image count once), expected two or more, since one is"
        " held out; add images, or remove the class"
    )


def split_rows(
    targets: Rows,
    recipe: DataRecipe,
    groups: Rows | None = None,
    labels: Sequence[str] = (),
    given: Rows | None = None,
) -> tuple[Rows, Rows]:
    """(training rows, validation rows) of train.npy: the recipe's share of every class, drawn by the seed.

    groups: of each row, see `held_out`; None: no two belong together. given: the rows of the folder's own validation/,
    used instead.
    """
    if given is not None:
        return np.setdiff1d(np.arange(len(targets)), given), given
    own = np.arange(len(targets)) if groups is None else groups
    random = generator(Purpose.VALIDATION, recipe.seed)
    validation = held_out(targets, own, recipe.data.validation_split, random, labels)
    return np.setdiff1d(np.arange(len(targets)), validation), validation


def split_cache(cache: Cache, recipe: DataRecipe) -> tuple[Rows, Rows]:
    """(training rows, validation rows) of a cache; identical images are never on both sides.

    A fitted head has no epoch to choose, so it learns from all images except a folder's own validation/.
    """
    if recipe.can_cross_validate and cache.validation_rows is None:
        return np.arange(len(cache.targets("train"))), np.empty(0, np.int64)
    groups = copies.groups_of(cache.hashes("train"))
    return split_rows(cache.targets("train"), recipe, groups, cache.labels, cache.validation_rows)
