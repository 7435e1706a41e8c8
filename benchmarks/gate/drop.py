"""How much accuracy the candidate loses, paired: both models are asked about the same pictures."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from benchmarks import accuracy
from benchmarks.accuracy import Answers
from benchmarks.gate.verdict import Answer
from benchmarks.models import Model
from benchmarks.stats import Interval
from device.contract import Hints
from device.errors import UserError
from device.evaluation.paired import Paired

# Right or wrong of each picture, by the picture's content hash.
Right = Mapping[str, bool]
MOST_PICTURES = 1_000_000


@dataclass(frozen=True)
class Drop:
    """points: accuracy lost, 0.01 for one percentage point; n pictures; lost and won: right in one model alone.

    aside: pictures that only one of them was asked about, which don't count.
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


def right(model: Model, data: str | None, hints: Hints, threads: int, runtime: str | None) -> dict[str, bool]:
    """Which pictures the model is right about."""
    return of_answers(accuracy.answers(model, data, hints, threads, runtime))


def of_answers(answers: Answers) -> dict[str, bool]:
    """By the content of each picture: a folder may have moved, and other pictures may have its names."""
    pictures = answers.pictures
    hits = answers.scores.argmax(axis=1) == pictures.targets
    return {pictures.hash_of(i): bool(hit) for i, hit in enumerate(hits)}


def judge(base: Right, candidate: Right, most: float) -> Drop:
    """most: 0.01 lets the candidate lose one point. UserError when the two were asked about different pictures."""
    both = [name for name in base if name in candidate]
    if not both:
        raise UserError("base and candidate were not asked about the same pictures; give both the same --data")
    ours, theirs = (np.array([answers[name] for name in both]) for answers in (base, candidate))
    pairs = Paired.of(ours, theirs)
    low, high = pairs.interval
    points = Interval(low, pairs.drop, high)
    answer, reason = _answer(points, most, pairs.n)
    aside = len(base) + len(candidate) - 2 * pairs.n
    means = float(ours.mean()), float(theirs.mean())
    return Drop(answer, points, *means, pairs.n, pairs.lost, pairs.won, aside, reason)


def _answer(points: Interval, most: float, n: int) -> tuple[Answer, str]:
    limit = f"the limit is {100 * most:g} point{'' if most == 0.01 else 's'}"
    if points.low > most:
        return "regression", f"{_change(points.low)} at least; {limit}"
    if points.high <= most:
        return "no regression", f"{_change(points.high)} at {'most' if points.high > 0 else 'least'}; {limit}"
    return "can't tell", (
        f"{_change(points.low)} to {_change(points.high)} on {n} pictures; {limit}{_needed(points, most, n)}"
    )


def _change(points: float) -> str:
    """0.0151: '1.51 points lost'"""
    return f"{abs(100 * points):.2f} points {'lost' if points > 0 else 'gained'}"


def _needed(points: Interval, most: float, n: int) -> str:
    """How many pictures like these tell in four of five cases; nothing where nobody has so many.

    The interval's width goes with the root of n. It is to be (1.96 + 0.84) / 1.96 times narrower than the distance to
    the limit, or chance decides on which side of it the middle comes to lie.
    """
    room = abs(most - points.middle)
    if 2 * n * points.half_width**2 > MOST_PICTURES * room**2:
        return ""
    return f"; about {float(f'{2 * n * (points.half_width / room) ** 2:.1g}'):,.0f} pictures would tell"
