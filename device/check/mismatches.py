"""The usual preprocessing mismatches, and which of them labeled images give evidence for.

A mismatch is another order of colors, scaling, fit, orientation or order of labels than the card's. It is applied as a
classifier with another Preprocessor, so the image path stays the same code.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import cv2
import numpy as np

from device.data import folders
from device.data.folders import Labeled
from device.evaluation.paired import Paired
from device.images.images import Pixels
from device.inference import ordered
from device.inference.classifier import Classifier
from device.inference.prediction import Scores
from device.inference.preprocess import Preprocessor
from device.model import channels
from device.model.card import Fit, InputSpec

# At most so many labeled images, drawn by the seed: each is classified once for every mismatch.
SAMPLE, SEED = 500, 1
# The chance of a false alarm, over all the mismatches that are tried.
SIGNIFICANCE = 0.01

Change = Callable[[Pixels], Pixels]


@dataclass(frozen=True)
class Mismatch:
    """Another preprocessing, or another order of labels, than the card's.

    how: words before 'the accuracy would be …'. about: the subject. cause: what it says of the network if it predicts
    better so. fix: what the user of a third-party file can do then. whole: the change of the image before it is fitted.
    input: the fields of the card's input that differ. shift: by how many places the scores move to other labels.
    """

    name: str
    how: str
    about: str
    cause: str
    fix: str
    whole: Change | None = None
    input: Mapping[str, Any] = field(default_factory=dict)
    shift: int = 0

    def applied(self, classifier: Classifier) -> Classifier:
        """The classifier with this preprocessing."""
        return classifier.fed_by(MismatchedPreprocessor(classifier.preprocessor, self))

    def relabeled(self, scores: Scores) -> Scores:
        """The scores in this order of labels."""
        return np.roll(scores, self.shift)


class MismatchedPreprocessor(Preprocessor):
    """Preprocesses for the same network with a mismatch."""

    def __init__(self, own: Preprocessor, mismatch: Mismatch) -> None:
        super().__init__(replace(own.spec, **mismatch.input), own.input)
        self._whole = mismatch.whole

    def resize(self, image: Pixels) -> Pixels:
        return super().resize(image if self._whole is None else np.ascontiguousarray(self._whole(image)))


def classic(spec: InputSpec) -> tuple[Mismatch, ...]:
    """The mismatches that are possible with this input, without the card's own preprocessing."""
    return (*_colors(spec), *_scalings(spec), *_fits(spec), *_orientations(), *_labels())


def _colors(spec: InputSpec) -> Iterable[Mismatch]:
    other = "BGR" if spec.color == "RGB" else "RGB"
    ways: tuple[tuple[str, str, Change, str], ...] = (
        (other, f"with {other} order", _reversed, other),
        ("gray", "with gray images", _gray, "gray images"),
        ("negative", "with negatives", _negative, "negatives"),
    )
    for name, how, change, trained_on in ways:
        fix = "convert it again with a first layer that makes this of RGB"
        yield Mismatch(name, how, "the colors", f"the network was trained on {trained_on}", fix, whole=change)


def _reversed(image: Pixels) -> Pixels:
    return image[:, :, ::-1]


def _gray(image: Pixels) -> Pixels:
    return np.repeat(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)[:, :, None], 3, axis=2)


def _negative(image: Pixels) -> Pixels:
    return 255 - image


def _scalings(spec: InputSpec) -> Iterable[Mismatch]:
    for name in ("0..255", "0..1", "-1..1"):
        mean, std = channels.SCALINGS[name].mean, channels.SCALINGS[name].std
        if (mean, std) == (spec.mean, spec.std):
            continue
        how, cause = f"with pixels of {name}", f"the network takes pixels of {name}"
        fix, other = f"give --scaling {name}", {"mean": mean, "std": std}
        yield Mismatch(name, how, "how pixels are scaled", cause, fix, input=other)


def _fits(spec: InputSpec) -> Iterable[Mismatch]:
    ways: dict[Fit, str] = {
        "crop": "with the center cropped",
        "stretch": "with images stretched to the input's shape",
        "pad": "with the whole image and black beside it",
    }
    for fit, how in ways.items():
        if fit != spec.fit:
            cause = f"the network was trained with fit {fit}"
            yield Mismatch(fit, how, "how an image is made to fit", cause, f"give --fit {fit}", input={"fit": fit})


def _orientations() -> Iterable[Mismatch]:
    ways: tuple[tuple[str, Change], ...] = (
        ("mirrored", lambda image: image[:, ::-1]),
        ("upside down", lambda image: image[::-1, ::-1]),
        ("turned left", lambda image: np.rot90(image)),
        ("turned right", lambda image: np.rot90(image, 3)),
    )
    for name, change in ways:
        how, cause = f"with images {name}", f"the network was trained on images {name}"
        fix = "turn the camera, or the images before they are classified"
        yield Mismatch(name, how, "the orientation of images", cause, fix, whole=change)


def _labels() -> Iterable[Mismatch]:
    for name, neighbor, shift in (("labels +1", "next", 1), ("labels -1", "previous", -1)):
        how, cause = f"with each score read as the {neighbor} label's", "the labels are one place off"
        fix = "check whether the label file has a line too many or too few at its start (a background class)"
        yield Mismatch(name, how, "the order of the labels", cause, fix, shift=shift)


@dataclass(frozen=True)
class MismatchCounts:
    """The predictions for n labeled images with a mismatch, against the card's preprocessing.

    right: correct predictions. gained, lost: images that are right only with the mismatch, or only without it. p: how
    probable such a split or a more unequal one is if both are equally good (McNemar's exact test).
    """

    mismatch: Mismatch
    n: int
    right: int
    gained: int
    lost: int

    @property
    def p(self) -> float:
        return Paired(self.n, self.lost, self.gained).p


@dataclass(frozen=True)
class MismatchTrial:
    """n labeled images: how many are right with the card's preprocessing, and with every mismatch."""

    n: int
    right: int
    measured: tuple[MismatchCounts, ...]

    def named(self) -> MismatchCounts | None:
        """The best mismatch that significantly beats the card's preprocessing, with Bonferroni's correction."""
        return self._best(SIGNIFICANCE / max(1, len(self.measured)))

    def suspected(self) -> MismatchCounts | None:
        """The best one that would be significant if it were the only one tried."""
        return self._best(SIGNIFICANCE)

    def _best(self, limit: float) -> MismatchCounts | None:
        better = [one for one in self.measured if one.gained > one.lost and one.p < limit]
        return max(better, key=lambda one: one.right, default=None)


def on_data(make: Callable[[], Classifier], ways: Sequence[Mismatch], data: Labeled, workers: int) -> MismatchTrial:
    """Classifies a sample of labeled images, each decoded once, with the card's preprocessing and every mismatch.

    make: makes a classifier for each worker thread. UserError for an image that can't be read.
    """
    rows = folders.drawn(len(data), SAMPLE, SEED)

    def is_right(classifier: Classifier, row: int) -> list[bool]:
        image, target = data.image(row), data.targets[row]
        others = [way.relabeled(way.applied(classifier).classify(image).scores) for way in ways]
        return [bool(scores.argmax() == target) for scores in (classifier.classify(image).scores, *others)]

    hits = np.array(list(ordered.in_order(is_right, map(int, rows), make, workers)))
    right = hits[:, 0]
    measured = tuple(
        MismatchCounts(mismatch, len(rows), int(so.sum()), int((so & ~right).sum()), int((right & ~so).sum()))
        for mismatch, so in zip(ways, hits[:, 1:].T, strict=True)
    )
    return MismatchTrial(len(rows), int(right.sum()), measured)
