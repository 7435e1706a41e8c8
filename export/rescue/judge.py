"""Judges a file: its accuracy beside float32 on validation images, and its latency beside the plain file."""

import math
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from device.errors import UserError
from device.evaluation.paired import Paired
from device.inference import runtime, timing
from device.inference.prediction import Scores
from device.inference.timing import Latency
from device.model.card import Card
from export.card import cards
from export.source.held_out import HeldOut

# Of a comparison of two files' latency: seconds, and of a block.
SECONDS, BLOCK_S = 1.0, 0.02


@dataclass(frozen=True)
class Judged:
    """The accuracy that a file loses to float32, and the mean difference of its scores.

    Of a hundred images a handful changes its prediction, which is hardly a measure; the scores of all of them change.
    """

    paired: Paired
    mean_error: float


class Judge:
    """images: neither calibration nor test; where their label isn't known (-1), float32's prediction counts as right.

    card: the network's. scratch: a folder. seconds: of timing, for each file.
    """

    def __init__(self, float32: bytes, images: HeldOut, card: Card, scratch: Path, seconds: float = SECONDS) -> None:
        self._images, self._card, self._scratch, self._seconds = images, card, scratch, seconds
        self._float32 = self._scores(float32, "float32")
        predicted, targets = self._float32.argmax(axis=1), images.images.targets
        self._targets = np.where(targets < 0, predicted, targets)
        self.float32_right = predicted == self._targets

    def right(self, made: bytes) -> npt.NDArray[np.bool_]:
        """Whether the bare int8 file gets each image right."""
        return self._right(self._scores(made, "int8"))

    def judged(self, made: bytes) -> Judged:
        """Judges the bare int8 file; it loses everything if the interpreter can't load it."""
        try:
            scores = self._scores(made, "int8")
        except UserError:
            return Judged(Paired.of(self.float32_right, np.zeros_like(self.float32_right)), math.inf)
        return Judged(Paired.of(self.float32_right, self._right(scores)), float(np.abs(scores - self._float32).mean()))

    def _right(self, scores: Scores) -> npt.NDArray[np.bool_]:
        right: npt.NDArray[np.bool_] = scores.argmax(axis=1) == self._targets
        return right

    def _scores(self, bare: bytes, variant: str) -> Scores:
        path = self._scratch / f"judged_{variant}.tflite"
        path.write_bytes(cards.assembled(bare, replace(self._card, variant=variant), {}))
        return self._images.scores(path)

    def latency(self, made: bytes, first: bytes) -> Latency | None:
        """The latency of the bare file on one thread, with its ratio to the first one's; None if it can't be loaded."""
        litert = runtime.find("litert")
        interpreters = []
        for name, content in (("first", first), ("made", made)):
            path = self._scratch / f"timed_{name}.tflite"
            path.write_bytes(content)
            try:
                interpreters.append(litert.open(path, 1))
            except UserError:
                return None
            timing.feed(interpreters[-1])
        return timing.beside_first(interpreters, self._seconds, BLOCK_S)[1]
