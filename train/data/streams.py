"""Random numbers: an independent stream for each purpose (held-out images, order, augmentation …).

numpy pads a short seed with zeros: default_rng(1), default_rng([1, 0]) and default_rng([1, 0, 0]) are one stream. The
spawn key of a SeedSequence stands apart from the seed, and zeros at its end count
(https://numpy.org/doc/stable/reference/random/bit_generators/generated/numpy.random.SeedSequence.html).
"""

from enum import IntEnum

import numpy as np

# Increases when anything is drawn differently: such a run holds out other images, so it is another run.
DRAW = 2
FIRST_DRAW = 1  # of runs without a record: one stream for (seed), (seed, 0) and (seed, 0, 0)


class Purpose(IntEnum):
    """What is drawn. The number is part of the stream, so it must never change."""

    TEST = 1
    VALIDATION = 2
    ORDER = 3  # of an epoch's images; index: the round through them
    CHANGES = 4  # augmentation and mixup; indices: epoch, batch
    DROPOUT = 5  # indices: epoch, layer
    BACKBONE = 6  # on which images one is chosen
    SHOWN = 7  # what a figure shows
    VARIANTS = 8  # that preview draws


def generator(purpose: Purpose, seed: int, *indices: int) -> np.random.Generator:
    """The stream for a purpose and indices; the same arguments always give the same numbers."""
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(purpose, *indices)))
