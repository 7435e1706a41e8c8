"""Images that a network wasn't fitted on and that are no test: what a card's confidence is fitted on, and a rescue
judged by.
"""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
from scipy.special import softmax

from device.data import folders
from device.data.folders import Labeled
from device.evaluation import evaluate
from device.inference.classifier import Classifier
from device.inference.prediction import Scores
from device.model.card import InputSpec
from export.source import image_folders
from export.source.unseen import Heads

# More take longer, and hardly make a single number surer. Large images take as long as they have pixels.
MOST, MOST_PIXELS, LEAST = 500, 10_000_000, 100


def most(spec: InputSpec) -> int:
    """How many are asked about at the network's size."""
    return max(LEAST, min(MOST, MOST_PIXELS // (spec.height * spec.width)))


@dataclass(frozen=True)
class HeldOut:
    """heads: of a run whose head was fitted on the images, those of its cross-validation, which haven't seen them."""

    images: Labeled
    heads: Heads | None = None

    def at(self, places: npt.NDArray[np.int64]) -> "HeldOut":
        """The images at these places, in that order."""
        return HeldOut(self.images.at(places), self.heads and self.heads.at(places))

    def drawn(self, count: int, seed: int) -> "HeldOut":
        """All images, or `count` of them, drawn by the seed, in their order."""
        return self if len(self.images) <= count else self.at(folders.drawn(len(self.images), count, seed))

    def prepared(self, spec: InputSpec) -> "HeldOut":
        """Files are decoded once, not for every variant."""
        if isinstance(self.images.sources, np.ndarray):
            return self
        decoded = image_folders.prepared(list(self.images.files()), spec)
        return HeldOut(replace(self.images, sources=decoded, rows=None))

    def scores(self, path: Path) -> Scores:
        """As a file gives them; path: a variant without a temperature."""
        if self.heads is None:
            return evaluate.score_images(path, self.images)
        return as_given(self.heads.scores(path, self.images), Classifier(path).output.scale)


def as_given(logits: Scores, step: float) -> Scores:
    """Softmax of the logits, in the steps of a uint8 output where a file has one."""
    shares = softmax(logits.astype(np.float64), axis=1)
    if step:
        shares = np.clip(np.round(shares / step), 0, 255) * step
    scores: Scores = shares.astype(np.float32)
    return scores
