"""Random numbers: a stream for each purpose, so that what is held out, the order and the changes share no bits.

numpy pads a short seed with zeros: default_rng(1), default_rng([1, 0]) and default_rng([1, 0, 0]) are one stream. The
spawn key of a SeedSequence stands apart from the seed, and zeros at its end count
(https://numpy.org/doc/stable/reference/random/bit_generators/generated/numpy.random.SeedSequence.html).
"""

from enum import IntEnum

import numpy as np

# Goes up when anything is drawn otherwise: a run of another draw holds out other images, so it is another run.
DRAW = 2
FIRST_DRAW = 1  # of runs that don't say: one stream for (seed), (seed, 0) and (seed, 0, 0)


class Purpose(IntEnum):
    """What is drawn. The number is part of every stream: one that is given stays."""

    TEST = 1
    VALIDATION = 2
    ORDER = 3  # of an epoch's images; index: the round through them
    CHANGES = 4  # augmentation and mixup; indices: epoch, batch
    DROPOUT = 5  # indices: epoch, layer
    BACKBONE = 6  # on which images one is chosen
    SHOWN = 7  # what a figure shows
    VARIANTS = 8  # that preview draws


def generator(purpose: Purpose, seed: int, *indices: int) -> np.random.Generator:
    """The stream of a purpose, and of each of its indices; always the same numbers for the same arguments."""
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(purpose, *indices)))
