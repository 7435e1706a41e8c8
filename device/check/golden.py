"""The golden pictures in a model file, done again on this machine.

A hash that differs from the card's names the stage. Whether the check passes is decided by the scores alone: the same
best label, and every score within the tolerance that is recorded beside it.

    if golden(classifier).passed:
        …
"""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from device import card as cards
from device import pictures
from device.card import Golden
from device.classifier import Classifier
from device.errors import UserError

Stage = Literal["decode", "resize", "input tensor", "output"]
STAGES: tuple[Stage, ...] = ("decode", "resize", "input tensor", "output")


@dataclass(frozen=True)
class Replay:
    """One golden picture done again.

    differing: the stages that gave something else than at export, in their order; the output counts when its best
    label is another or a score is beyond the tolerance. score_error: the largest difference of a score; None where
    there are no scores, or some are no numbers. best, expected: the index of the best label here and at export.
    """

    picture: str
    differing: tuple[Stage, ...]
    score_error: float | None
    tolerance: float
    best: int | None
    expected: int

    @property
    def passed(self) -> bool:
        return self.score_error is not None and "output" not in self.differing


@dataclass(frozen=True)
class Verdict:
    """What the golden pictures say of a file on this machine. Without any it doesn't pass: nothing speaks for it."""

    pictures: tuple[Replay, ...]

    @property
    def passed(self) -> bool:
        return bool(self.pictures) and all(replay.passed for replay in self.pictures)

    @property
    def first(self) -> Stage | None:
        """The stage that differs first, of all pictures."""
        return next((stage for stage in STAGES if self.count(stage)), None)

    @property
    def score_error(self) -> float | None:
        """The largest one; None where a picture has none."""
        errors = [replay.score_error for replay in self.pictures]
        known = [error for error in errors if error is not None]
        return max(known) if known and len(known) == len(errors) else None

    def count(self, stage: Stage) -> int:
        """How many pictures differ at a stage."""
        return sum(stage in replay.differing for replay in self.pictures)


def golden(classifier: Classifier, beat: Callable[[], None] = lambda: None) -> Verdict:
    """Does the golden pictures in the classifier's own file again. UserError where card and tail don't fit.

    beat: called before each picture, and behind the last one; a large network may take seconds for one.
    """
    tail = cards.read_tail(classifier.path)
    for entry in classifier.card.golden:
        if entry.picture not in tail:
            raise UserError(
                f"{classifier.path}: its card names {entry.picture!r}, which isn't in the file; export the model again"
            )
    replays = []
    for entry in classifier.card.golden:
        beat()
        replays.append(_replay(classifier, entry, tail))
    beat()
    return Verdict(tuple(replays))


def _replay(classifier: Classifier, entry: Golden, tail: Mapping[str, bytes]) -> Replay:
    indices, recorded = _recorded(classifier.path, entry, _outputs(classifier))
    expected = int(indices[recorded.argmax()])
    try:
        decoded = pictures.decode(tail[entry.picture])
    except ValueError:
        return Replay(entry.picture, ("decode",), None, entry.tolerance, None, expected)
    resized = classifier.prepare(decoded)
    tensor = classifier.tensor(resized)
    classifier.invoke(tensor)
    scores = classifier.raw_scores()
    error = float(np.abs(scores[indices] - recorded).max())
    best = int(scores.argmax())
    differing = {
        "decode": _sha256(decoded) != entry.decoded_sha256,
        "resize": _sha256(resized) != entry.resized_sha256,
        "input tensor": _sha256(tensor) != entry.input_sha256,
        # Of scores that were recorded as equal, each may be the best one here. Written so that NaN differs too.
        "output": not (error <= entry.tolerance and best in indices[recorded == recorded.max()]),
    }
    stages = tuple(stage for stage in STAGES if differing[stage])
    return Replay(entry.picture, stages, error if np.isfinite(error) else None, entry.tolerance, best, expected)


def _outputs(classifier: Classifier) -> int:
    """How many scores an answer has."""
    outputs = classifier.output.count
    return 2 if outputs == 1 and classifier.card.output.kind == "sigmoid" else outputs


def _recorded(path: Path, entry: Golden, outputs: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    """(indices, scores) as the card has them: of every output in order, or of the five best as {index, score}."""
    few = bool(entry.scores) and all(isinstance(item, dict) for item in entry.scores)
    try:
        pairs = [(item["index"], item["score"]) if few else (i, item) for i, item in enumerate(entry.scores)]
        indices = np.array([index for index, _ in pairs], np.int64)
        scores = np.array([score for _, score in pairs], np.float64)
        fits = 0 <= indices.min() <= indices.max() < outputs and (few or len(pairs) == outputs)
        if fits and np.isfinite(scores).all():
            return indices, scores
    except (KeyError, TypeError, ValueError):
        pass
    raise UserError(
        f"{path}: the scores in its card for {entry.picture!r} don't fit its {outputs} outputs; export the model again"
    )


def _sha256(array: npt.NDArray[Any]) -> str:
    return hashlib.sha256(array.tobytes()).hexdigest()
