"""The classic mistakes in feeding a network, and which of them labelled pictures speak for.

Each is a way of feeding that isn't the card's: another order of colours, another scaling, another fit, another way up,
another order of labels. It is the classifier with another Preprocessor, so the picture path stays the one there is.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import cv2
import numpy as np

from device.data.folders import Labelled
from device.evaluation.paired import Paired
from device.images.pictures import Picture
from device.inference import ordered
from device.inference.classifier import Classifier
from device.inference.prediction import Scores
from device.inference.preprocess import Preprocessor
from device.model.card import Fit, Input

# Of labelled pictures at most so many are asked, drawn by the seed: each is answered once for every mistake.
SAMPLE, SEED = 500, 1
# What chance may have at being named, among all the mistakes that are tried.
SIGNIFICANCE = 0.01

Change = Callable[[Picture], Picture]


@dataclass(frozen=True)
class Mistake:
    """A way of feeding that isn't the card's.

    how: it in words, after which 'the accuracy would be …' can be said. about: what it is about. cause: what is true
    of the network if it answers rightly so. mend: what the user of a third-party file can do then.
    whole: what is done to the picture before it is fitted. input: fields of the card's input that are others. shift:
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

    def resize(self, picture: Picture) -> Picture:
        return super().resize(picture if self._whole is None else np.ascontiguousarray(self._whole(picture)))


def classic(spec: Input) -> tuple[Mistake, ...]:
    """The mistakes that can be made with such an input; what the card says itself is none."""
    return (*_colours(), *_scalings(spec), *_fits(spec), *_turns(), *_labels())


def _colours() -> Iterable[Mistake]:
    ways: tuple[tuple[str, str, Change, str], ...] = (
        ("BGR", "with BGR order", _reversed, "BGR"),
        ("grey", "with grey pictures", _grey, "grey pictures"),
        ("negative", "with negatives", _negative, "negatives"),
    )
    for name, how, change, trained_on in ways:
        mend = "convert it again with a first layer that makes this of RGB"
        yield Mistake(name, how, "the colours", f"the network was trained on {trained_on}", mend, whole=change)


def _reversed(picture: Picture) -> Picture:
    return picture[:, :, ::-1]


def _grey(picture: Picture) -> Picture:
    return np.repeat(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)[:, :, None], 3, axis=2)


def _negative(picture: Picture) -> Picture:
    return 255 - picture


def _scalings(spec: Input) -> Iterable[Mistake]:
    for name, mean, std in (("0..255", 0.0, 1.0), ("0..1", 0.0, 255.0), ("-1..1", 127.5, 127.5)):
        if (mean, std) == (spec.mean, spec.std):
            continue
        how, cause = f"with pixels of {name}", f"the network takes pixels of {name}"
        mend, other = f"give --mean {mean:g} --std {std:g}", {"mean": mean, "std": std}
        yield Mistake(name, how, "how pixels are scaled", cause, mend, input=other)


def _fits(spec: Input) -> Iterable[Mistake]:
    ways: dict[Fit, str] = {
        "crop": "with the centre cropped",
        "stretch": "with pictures stretched to the input's shape",
        "pad": "with the whole picture and black beside it",
    }
    for fit, how in ways.items():
        if fit != spec.fit:
            cause = f"the network was trained with fit {fit}"
            yield Mistake(fit, how, "how a picture is made to fit", cause, f"give --fit {fit}", input={"fit": fit})


def _turns() -> Iterable[Mistake]:
    ways: tuple[tuple[str, Change], ...] = (
        ("mirrored", lambda picture: picture[:, ::-1]),
        ("upside down", lambda picture: picture[::-1, ::-1]),
        ("turned left", lambda picture: np.rot90(picture)),
        ("turned right", lambda picture: np.rot90(picture, 3)),
    )
    for name, turn in ways:
        how, cause = f"with pictures {name}", f"the network was trained on pictures {name}"
        mend = "turn the camera, or the pictures before they are classified"
        yield Mistake(name, how, "which way up a picture is", cause, mend, whole=turn)


def _labels() -> Iterable[Mistake]:
    for name, neighbour, shift in (("labels +1", "next", 1), ("labels -1", "previous", -1)):
        how, cause = f"with each score read as the {neighbour} label's", "the labels are one place off"
        mend = "see whether the label file has a line too many or too few at its head (a background class)"
        yield Mistake(name, how, "the order of the labels", cause, mend, shift=shift)


@dataclass(frozen=True)
class Measured:
    """How n labelled pictures are answered under a mistake, against the card's way.

    right: answered rightly. gained and lost: pictures that only this way, or only the card's, answers rightly. p: how
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
class Trial:
    """n labelled pictures: how many are right the card's way, and every mistake beside it."""

    n: int
    right: int
    measured: tuple[Measured, ...]

    def named(self) -> Measured | None:
        """The best mistake that is better than the card's way beyond chance, with Bonferroni's correction."""
        return self._best(SIGNIFICANCE / max(1, len(self.measured)))

    def suspected(self) -> Measured | None:
        """The best one that would be beyond chance if it were the only one that was tried."""
        return self._best(SIGNIFICANCE)

    def _best(self, limit: float) -> Measured | None:
        better = [one for one in self.measured if one.gained > one.lost and one.p < limit]
        return max(better, key=lambda one: one.right, default=None)


def on_data(make: Callable[[], Classifier], ways: Sequence[Mistake], data: Labelled, workers: int) -> Trial:
    """A sample of labelled pictures, each decoded once and answered the card's way and under every mistake.

    make: a classifier for each of the worker threads. UserError for a picture that can't be read.
    """
    rows = np.sort(np.random.default_rng(SEED).permutation(len(data))[:SAMPLE])

    def answer(classifier: Classifier, row: int) -> list[bool]:
        picture, target = data.picture(row), data.targets[row]
        read = [way.reading(way.feeding(classifier).classify(picture).scores) for way in ways]
        return [bool(scores.argmax() == target) for scores in (classifier.classify(picture).scores, *read)]

    hits = np.array(list(ordered.in_order(answer, map(int, rows), make, workers)))
    right = hits[:, 0]
    measured = tuple(
        Measured(mistake, len(rows), int(so.sum()), int((so & ~right).sum()), int((right & ~so).sum()))
        for mistake, so in zip(ways, hits[:, 1:].T, strict=True)
    )
    return Trial(len(rows), int(right.sum()), measured)
