"""The candidate's loss of accuracy, paired: both models classify the same images."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from benchmarks.documents.models import Model
from benchmarks.gate.verdict import Answer
from benchmarks.measure import accuracy
from benchmarks.statistics.stats import Interval
from device import text
from device.errors import UserError
from device.evaluation import by_label, needed
from device.evaluation.by_label import ByLabel
from device.evaluation.paired import Paired, is_within
from device.inference.overrides import Overrides

# Whether each prediction is right, by the image's content hash.
Right = Mapping[str, bool]
# To whether the loss is within the limit.
ANSWERS: dict[bool | None, Answer] = {True: "no regression", False: "regression", None: "can't tell"}


@dataclass(frozen=True)
class JudgedImages:
    """Whether the model is right, and the label, by each image's content hash."""

    right: dict[str, bool]
    labels: dict[str, str]


@dataclass(frozen=True)
class Drop:
    """points: accuracy lost, 0.01 for one percentage point. n: images. lost, won: right only in base, or only in
    candidate.

    aside: images that only one of them classified, which don't count. by_label: the same for each label; None if the
    images' labels are unknown.
    """

    answer: Answer
    points: Interval
    base: float
    candidate: float
    n: int
    lost: int
    won: int
    aside: int
    reason: str
    by_label: ByLabel | None = None


def ask(model: Model, data: str | None, overrides: Overrides, threads: int, runtime: str | None) -> JudgedImages:
    """Classifies the images: which predictions are right."""
    scored = accuracy.score(model, data, overrides, threads, runtime)
    images = scored.images
    labels = {images.hash_of(i): scored.labels[target] for i, target in enumerate(images.targets)}
    return JudgedImages(scored.right(), labels)


def right(model: Model, data: str | None, overrides: Overrides, threads: int, runtime: str | None) -> dict[str, bool]:
    """Like `ask`, without labels, for a baseline."""
    return accuracy.score(model, data, overrides, threads, runtime).right()


def judge(base: Right, candidate: Right, most: float, labels: Mapping[str, str] | None = None) -> Drop:
    """most: 0.01 lets the candidate lose one point. labels: of each image that the candidate classified.

    UserError if the two have no images in common.
    """
    both = [name for name in base if name in candidate]
    if not both:
        raise UserError("base and candidate were measured on different images; give both the same --data")
    ours, theirs = (np.array([right[name] for name in both], bool) for right in (base, candidate))
    paired = None
    if labels is not None:
        names, targets = np.unique([labels[name] for name in both], return_inverse=True)
        paired = by_label.compare(ours, theirs, targets, names.tolist())
    return decide(ours, theirs, most, paired, aside=len(base) + len(candidate) - 2 * len(both))


def decide(
    ours: npt.NDArray[np.bool_], theirs: npt.NDArray[np.bool_], most: float, paired: ByLabel | None, aside: int = 0
) -> Drop:
    """By `by_label.is_allowed`. ours, theirs: whether base and candidate are right for each image. paired: the same by
    label.
    """
    pairs = Paired.of(ours, theirs)
    low, high = pairs.interval
    points = Interval(low, pairs.drop, high)
    reason = _reason(points, most, pairs)
    if losses := by_label.losses(paired, most):
        reason = f"{reason}; {losses}" if points.low > most else f"{losses}; over all labels {reason}"
    answer = ANSWERS[by_label.is_allowed(pairs, paired, most)]
    means = float(ours.mean()), float(theirs.mean())
    return Drop(answer, points, *means, pairs.n, pairs.lost, pairs.won, aside, reason, paired)


def notes(found: Drop, most: float) -> list[str]:
    """Notes on labels besides the reasons: losses that may be within the limit, labels that vanished."""
    return by_label.remarks(found.by_label, most) if found.by_label else []


def _reason(points: Interval, most: float, pairs: Paired) -> str:
    """What is lost over all labels, in words."""
    limit = text.limit(most)
    match is_within(pairs.interval, most):
        case False:
            return f"{_change(points.low)} at least; {limit}"
        case True:
            return f"{_change(points.high)} at {'most' if points.high > 0 else 'least'}; {limit}"
        case None:
            span = f"{_change(points.low)} to {_change(points.high)} on {pairs.n} images"
            return "; ".join(filter(None, (span, limit, needed.advice(pairs, most))))


def _change(points: float) -> str:
    """0.0151: '1.51 points lost'"""
    return f"{abs(100 * points):.2f} points {'lost' if points > 0 else 'gained'}"
