"""How much accuracy the candidate loses, paired: both models are asked about the same images."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

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
from device.evaluation.paired import Paired
from device.inference.model_spec import Overrides

# Right or wrong of each image, by the image's content hash.
Right = Mapping[str, bool]


@dataclass(frozen=True)
class JudgedImages:
    """By the content hash of each image: whether the model is right, and the image's label."""

    right: dict[str, bool]
    labels: dict[str, str]


@dataclass(frozen=True)
class Drop:
    """points: accuracy lost, 0.01 for one percentage point; n images; lost and won: right in one model alone.

    aside: images that only one of them was asked about, which don't count. by_label: the same label by label; None
    where the images' labels aren't known.
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
    """Which images the model is right about."""
    answers = accuracy.answers(model, data, overrides, threads, runtime)
    images = answers.images
    labels = {images.hash_of(i): answers.labels[target] for i, target in enumerate(images.targets)}
    return JudgedImages(answers.right(), labels)


def right(model: Model, data: str | None, overrides: Overrides, threads: int, runtime: str | None) -> dict[str, bool]:
    """As `ask`, without the labels: what a baseline stores."""
    return accuracy.answers(model, data, overrides, threads, runtime).right()


def judge(base: Right, candidate: Right, most: float, labels: Mapping[str, str] | None = None) -> Drop:
    """most: 0.01 lets the candidate lose one point. labels: of each image that the candidate was asked about.

    UserError when the two were asked about different images.
    """
    both = [name for name in base if name in candidate]
    if not both:
        raise UserError("base and candidate were not asked about the same images; give both the same --data")
    ours, theirs = (np.array([answers[name] for name in both], bool) for answers in (base, candidate))
    paired = None
    if labels is not None:
        names, targets = np.unique([labels[name] for name in both], return_inverse=True)
        paired = by_label.compare(ours, theirs, targets, names.tolist())
    return decide(ours, theirs, most, paired, aside=len(base) + len(candidate) - 2 * len(both))


def decide(
    ours: npt.NDArray[np.bool_], theirs: npt.NDArray[np.bool_], most: float, paired: ByLabel | None, aside: int = 0
) -> Drop:
    """The rule: ours and theirs are whether base and candidate are right about each image; paired: label by label.

    A regression is a loss over all labels whose whole interval is above the limit, or a label whose loss is beyond
    chance and certainly above the limit, each with Bonferroni's correction (device/evaluation/by_label.py).
    """
    pairs = Paired.of(ours, theirs)
    low, high = pairs.interval
    points = Interval(low, pairs.drop, high)
    answer, reason = _answer(points, most, pairs)
    if beyond := _beyond(paired, most):
        said = text.some([f"{row.said()}, beyond chance" for row in beyond], between="; ")
        reason = f"{reason}; {said}" if answer == "regression" else f"{said}; over all labels {reason}"
        answer = "regression"
    means = float(ours.mean()), float(theirs.mean())
    return Drop(answer, points, *means, pairs.n, pairs.lost, pairs.won, aside, reason, paired)


def _beyond(paired: ByLabel | None, most: float) -> list[by_label.PairedLabel]:
    """The labels whose loss alone is a regression."""
    return [row for row in paired.beyond_chance if row.at_least > most] if paired else []


def notes(found: Drop, most: float) -> Iterator[str]:
    """What happened to labels that isn't among the reasons: a loss that may be within the limit, one that vanished."""
    if found.by_label is None:
        return
    rest = replace(
        found.by_label, beyond_chance=tuple(row for row in found.by_label.beyond_chance if row.at_least <= most)
    )
    yield from by_label.remarks(rest)


def _answer(points: Interval, most: float, pairs: Paired) -> tuple[Answer, str]:
    limit = f"the limit is {100 * most:g} point{'' if most == 0.01 else 's'}"
    if points.low > most:
        return "regression", f"{_change(points.low)} at least; {limit}"
    if points.high <= most:
        return "no regression", f"{_change(points.high)} at {'most' if points.high > 0 else 'least'}; {limit}"
    span = f"{_change(points.low)} to {_change(points.high)} on {pairs.n} images"
    return "can't tell", "; ".join(filter(None, (span, limit, needed.advice(pairs, most))))


def _change(points: float) -> str:
    """0.0151: '1.51 points lost'"""
    return f"{abs(100 * points):.2f} points {'lost' if points > 0 else 'gained'}"
