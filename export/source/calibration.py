"""Chooses int8's calibration images: from the training split only, by seed, balanced over the labels, recorded."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from device.evaluation.exports import Calibration

DEFAULT_SAMPLES = 200


@dataclass(frozen=True)
class CalibrationImages:
    """The chosen images at the network's size, uint8 [n, height, width, 3], and how they were chosen."""

    images: npt.NDArray[np.uint8]
    rows: tuple[int, ...]
    seed: int
    split: str

    @property
    def recorded(self) -> Calibration:
        return Calibration(len(self.images), self.seed, self.split)


def balanced_rows(targets: npt.NDArray[np.int64], allowed: npt.NDArray[np.int64], n: int, seed: int) -> list[int]:
    """At most n of the allowed rows, as evenly over the labels as possible, in the order they were drawn.

    targets: the label of every row; allowed: the rows that may be taken. Where there are more labels than n, which of
    them have an image is drawn too: the first n may be all of one kind (ImageNet's begin with animals).
    """
    random = np.random.default_rng(seed)
    piles = [list(random.permutation(allowed[targets[allowed] == label])) for label in np.unique(targets[allowed])]
    if len(piles) > n:
        piles = [piles[i] for i in np.sort(random.choice(len(piles), n, replace=False))]
    chosen: list[int] = []
    while len(chosen) < n and any(piles):
        chosen += [int(pile.pop()) for pile in piles if pile]
    return chosen[:n]
