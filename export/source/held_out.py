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
from device.data.heads import Heads
from device.evaluation import evaluate
from device.inference.classifier import Classifier
from device.inference.prediction import Scores
from device.model.card import InputSpec
from export.source import image_folders
from export.source.unseen import scores_by

# More take longer, and hardly make a single number surer. Large images take as long as they have pixels.
MOST, MOST_PIXELS, LEAST = 500, 10_000_000, 100


def most(spec: InputSpec) -> int:
    """The number of images to use, for the network's input size."""
    return max(LEAST, min(MOST, MOST_PIXELS // (spec.height * spec.width)))


@dataclass(frozen=True)
class HeldOut:
    """Held-out images. heads: of the cross-validation, if the run's own head was fitted on these images."""

    images: Labeled
    heads: Heads | None = None

    def at(self, places: npt.NDArray[np.int64]) -> "HeldOut":
        """The images at these places, in that order."""
        return HeldOut(self.images.at(places), self.heads and self.heads.at(places))

    def drawn(self, count: int, seed: int) -> "HeldOut":
        """All images, or `count` of them, drawn by the seed, in their order."""
        return self if len(self.images) <= count else self.at(folders.drawn(len(self.images), count, seed))

    def preprocessed(self, spec: InputSpec) -> "HeldOut":
        """The same images, decoded and preprocessed once instead of for every variant."""
        if isinstance(self.images.sources, np.ndarray):
            return self
        decoded = image_folders.preprocessed(list(self.images.files()), spec)
        return HeldOut(replace(self.images, sources=decoded, rows=None))

    def scores(self, path: Path) -> Scores:
        """The scores of a file, [n, labels]. path: a variant without a temperature."""
        if self.heads is None:
            return evaluate.score_images(path, self.images)
        return as_given(scores_by(self.heads, path, self.images), Classifier(path).output.scale)


def as_given(logits: Scores, step: float) -> Scores:
    """Softmax of the logits, rounded to the steps of a uint8 output (0: not rounded)."""
    shares = softmax(logits.astype(np.float64), axis=1)
    if step:
        shares = np.clip(np.round(shares / step), 0, 255) * step
    scores: Scores = shares.astype(np.float32)
    return scores
