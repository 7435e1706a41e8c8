"""The classic mistakes in feeding a network, and which of them labeled images speak for.

Each is a way of feeding that isn't the card's: another order of colors, another scaling, another fit, another way up,
another order of labels. It is the classifier with another Preprocessor, so the image path stays the one there is.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import cv2
import numpy as np

from device.data.folders import Labeled
from device.evaluation.paired import Paired
from device.images.images import Pixels
from device.inference import ordered
from device.inference.classifier import Classifier
from device.inference.prediction import Scores
from device.inference.preprocess import Preprocessor
from device.model import channels
from device.model.card import Fit, InputSpec

# Of labeled images at most so many are asked, drawn by the seed: each is answered once for every mistake.
SAMPLE, SEED = 500, 1
# What chance may have at being named, among all the mistakes that are tried.
SIGNIFICANCE = 0.01

Change = Callable[[Pixels], Pixels]


@dataclass(frozen=True)
class Mistake:
    """A way of feeding that isn't the card's.

    how: it in words, after which 'the accuracy would be …' can be said. about: what it is about. cause: what is true
    of the network if it answers rightly so. mend: what the user of a third-party file can do then.
    whole: what is done to the image before it is fitted. input: fields of the card's input that are others. shift:
    by how many places the scores move to other labels.
    """

    name: str
    how: str
    about: str
    cause: str
    mend: str
    whole: Change | None = None
    input: Mapping[str, Any] = field(default_factory=dict)
    shift: int = 0

    def feeding(self, classifier: Classifier) -> Classifier:
        """The classifier, fed so."""
        return classifier.fed_by(MistakenPreprocessor(classifier.preprocessor, self))

    def reading(self, scores: Scores) -> Scores:
        """The scores, read so."""
        return np.roll(scores, self.shift)


class MistakenPreprocessor(Preprocessor):
    """Feeds the same network under a mistake."""

    def __init__(self, right: Preprocessor, mistake: Mistake) -> None:
        super().__init__(replace(right.spec, **mistake.input), right.input)
        self._whole = mistake.whole

    def resize(self, image: Pixels) -> Pixels:
        return super().resize(image if self._whole is None else np.ascontiguousarray(self._whole(image)))


def classic(spec: InputSpec) -> tuple[Mistake, ...]:
    """The mistakes that can be made with such an input; what the card says itself is none."""
    return (*_colors(spec), *_scalings(spec), *_fits(spec), *_turns(), *_labels())


def _colors(spec: InputSpec) -> Iterable[Mistake]:
    other = "BGR" if spec.color == "RGB" else "RGB"
    ways: tuple[tuple[str, str, Change, str], ...] = (
        (other, f"with {other} order", _reversed, other),
        ("gray", "with gray images", _gray, "gray images"),
        ("negative", "with negatives", _negative, "negatives"),
    )
    for name, how, change, trained_on in ways:
        mend = "convert it again with a first layer that makes this of RGB"
        yield Mistake(name, how, "the colors", f"the network was trained on {trained_on}", mend, whole=change)


def _reversed(image: Pixels) -> Pixels:
    return image[:, :, ::-1]


def _gray(image: Pixels) -> Pixels:
    return np.repeat(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)[:, :, None], 3, axis=2)


def _negative(image: Pixels) -> Pixels:
    return 255 - image


def _scalings(spec: InputSpec) -> Iterable[Mistake]:
    for name in ("0..255", "0..1", "-1..1"):
        mean, std = channels.SCALINGS[name].mean, channels.SCALINGS[name].std
        if (mean, std) == (spec.mean, spec.std):
            continue
        how, cause = f"with pixels of {name}", f"the network takes pixels of {name}"
        mend, other = f"give --scaling {name}", {"mean": mean, "std": std}
        yield Mistake(name, how, "how pixels are scaled", cause, mend, input=other)


def _fits(spec: InputSpec) -> Iterable[Mistake]:
    ways: dict[Fit, str] = {
        "crop": "with the center cropped",
        "stretch": "with images stretched to the input's shape",
        "pad": "with the whole image and black beside it",
    }
    for fit, how in ways.items():
        if fit != spec.fit:
            cause = f"the network was trained with fit {fit}"
            yield Mistake(fit, how, "how an image is made to fit", cause, f"give --fit {fit}", input={"fit": fit})


def _turns() -> Iterable[Mistake]:
    ways: tuple[tuple[str, Change], ...] = (
        ("mirrored", lambda image: image[:, ::-1]),
        ("upside down", lambda image: image[::-1, ::-1]),
        ("turned left", lambda image: np.rot90(image)),
        ("turned right", lambda image: np.rot90(image, 3)),
    )
    for name, turn in ways:
        how, cause = f"with images {name}", f"the network was trained on images {name}"
        mend = "turn the camera, or the images before they are classified"
        yield Mistake(name, how, "which way up an image is", cause, mend, whole=turn)


def _labels() -> Iterable[Mistake]:
    for name, neighbor, shift in (("labels +1", "next", 1), ("labels -1", "previous", -1)):
        how, cause = f"with each score read as the {neighbor} label's", "the labels are one place off"
        mend = "see whether the label file has a line too many or too few at its head (a background class)"
        yield Mistake(name, how, "the order of the labels", cause, mend, shift=shift)


@dataclass(frozen=True)
class MismatchCounts:
    """How n labeled images are answered under a mistake, against the card's way.

    right: answered rightly. gained and lost: images that only this way, or only the card's, answers rightly. p: how
    probable such a split or a more unequal one is where both are equally good (McNemar's exact test).
    """

    mistake: Mistake
    n: int
    right: int
    gained: int
    lost: int

    @property
    def p(self) -> float:
        return Paired(self.n, self.lost, self.gained).p


@dataclass(frozen=True)
class MismatchTrial:
    """n labeled images: how many are right the card's way, and every mistake beside it."""

    n: int
    right: int
    measured: tuple[MismatchCounts, ...]

    def named(self) -> MismatchCounts | None:
        """The best mistake that is better than the card's way beyond chance, with Bonferroni's correction."""
        return self._best(SIGNIFICANCE / max(1, len(self.measured)))

    def suspected(self) -> MismatchCounts | None:
        """The best one that would be beyond chance if it were the only one that was tried."""
        return self._best(SIGNIFICANCE)

    def _best(self, limit: float) -> MismatchCounts | None:
        better = [one for one in self.measured if one.gained > one.lost and one.p < limit]
        return max(better, key=lambda one: one.right, default=None)


def on_data(make: Callable[[], Classifier], ways: Sequence[Mistake], data: Labeled, workers: int) -> MismatchTrial:
    """A sample of labeled images, each decoded once and answered the card's way and under every mistake.

    make: a classifier for each of the worker threads. UserError for an image that can't be read.
    """
    rows = np.sort(np.random.default_rng(SEED).permutation(len(data))[:SAMPLE])

    def answer(classifier: Classifier, row: int) -> list[bool]:
        image, target = data.image(row), data.targets[row]
        read = [way.reading(way.feeding(classifier).classify(image).scores) for way in ways]
        return [bool(scores.argmax() == target) for scores in (classifier.classify(image).scores, *read)]

    hits = np.array(list(ordered.in_order(answer, map(int, rows), make, workers)))
    right = hits[:, 0]
    measured = tuple(
        MismatchCounts(mistake, len(rows), int(so.sum()), int((so & ~right).sum()), int((right & ~so).sum()))
        for mistake, so in zip(ways, hits[:, 1:].T, strict=True)
    )
    return MismatchTrial(len(rows), int(right.sum()), measured)
