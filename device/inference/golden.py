"""The golden images in a model file: recorded when it is exported, and done again on another machine.

    entries = record(classifier, files, tolerance)       # for the card
    if replay(classifier).passed: …

What is recorded of each stage is a hash, and of the output the scores. A hash that differs names the stage. Whether the
replay passes is decided by the scores alone: the same best label, and every score within the tolerance beside it.
"""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from device.errors import UserError
from device.images import images
from device.inference.classifier import Classifier
from device.inference.prediction import Scores
from device.model import card as cards
from device.model.card import Golden

Stage = Literal["decode", "resize", "input tensor", "output"]
STAGES: tuple[Stage, ...] = ("decode", "resize", "input tensor", "output")
# Of more labels than this the five best scores are recorded.
MANY_LABELS = 100


@dataclass(frozen=True)
class Passed:
    """What one image's way through a classifier left at each stage, as hashes, and the raw scores."""

    decoded_sha256: str
    resized_sha256: str
    input_sha256: str
    scores: Scores

    @classmethod
    def through(cls, classifier: Classifier, data: bytes) -> "Passed":
        """ValueError for bytes that can't be decoded here."""
        decoded = images.decode(data)
        resized = classifier.preprocessor.resize(decoded)
        tensor = classifier.preprocessor.tensor(resized)
        classifier.invoke(tensor)
        return cls(_sha256(decoded), _sha256(resized), _sha256(tensor), classifier.raw_scores())


def record(classifier: Classifier, encoded: Mapping[str, bytes], tolerance: float) -> tuple[Golden, ...]:
    """What the classifier makes of each image; encoded: by its name in the tail."""
    seen = {name: Passed.through(classifier, data) for name, data in encoded.items()}
    return tuple(
        Golden(
            image=name,
            decoded_sha256=passed.decoded_sha256,
            resized_sha256=passed.resized_sha256,
            input_sha256=passed.input_sha256,
            scores=rounded(passed.scores),
            tolerance=tolerance,
        )
        for name, passed in seen.items()
    )


def rounded(scores: Scores) -> tuple[Any, ...]:
    """As a card has them: all in order, or of many the five best as {"index", "score"}."""
    every = [round(float(score), 6) for score in scores]
    if len(every) <= MANY_LABELS:
        return tuple(every)
    best = np.argsort(-scores, kind="stable")[:5]
    return tuple({"index": int(i), "score": every[i]} for i in best)


@dataclass(frozen=True)
class Replay:
    """One golden image done again.

    differing: the stages that gave something else than at export, in their order; the output counts when its best
    label is another or a score is beyond the tolerance. score_error: the largest difference of a score; None where
    there are no scores, or some are no numbers. best, expected: the index of the best label here and at export.
    """

    image: str
    differing: tuple[Stage, ...]
    score_error: float | None
    tolerance: float
    best: int | None
    expected: int

    @property
    def passed(self) -> bool:
        return self.score_error is not None and "output" not in self.differing


@dataclass(frozen=True)
class GoldenResult:
    """What the golden images say of a file on this machine. Without any it doesn't pass: nothing speaks for it."""

    images: tuple[Replay, ...]

    @property
    def passed(self) -> bool:
        return bool(self.images) and all(replay.passed for replay in self.images)

    @property
    def first(self) -> Stage | None:
        """The stage that differs first, of all images."""
        return next((stage for stage in STAGES if self.count(stage)), None)

    @property
    def score_error(self) -> float | None:
        """The largest one; None where an image has none."""
        errors = [replay.score_error for replay in self.images]
        known = [error for error in errors if error is not None]
        return max(known) if known and len(known) == len(errors) else None

    def count(self, stage: Stage) -> int:
        """How many images differ at a stage."""
        return sum(stage in replay.differing for replay in self.images)


def replay(
    classifier: Classifier, beat: Callable[[], None] = lambda: None, reading: Callable[[Scores], Scores] = lambda s: s
) -> GoldenResult:
    """Does the golden images in the classifier's own file again. UserError where card and tail don't fit.

    beat: called before each image, and behind the last one; a large network may take seconds for one. reading: what
    is done to the scores before they are compared.
    """
    tail = cards.read_archive(classifier.path)
    for entry in classifier.card.golden:
        if entry.image not in tail:
            raise UserError(
                f"{classifier.path}: its card names {entry.image!r}, which isn't in the file; export the model again"
            )
    replays = []
    for entry in classifier.card.golden:
        beat()
        replays.append(_replay(classifier, entry, tail, reading))
    beat()
    return GoldenResult(tuple(replays))


def _replay(
    classifier: Classifier, entry: Golden, tail: Mapping[str, bytes], reading: Callable[[Scores], Scores]
) -> Replay:
    indices, recorded = _recorded(classifier.path, entry, _outputs(classifier))
    expected = int(indices[recorded.argmax()])
    try:
        passed = Passed.through(classifier, tail[entry.image])
    except ValueError:
        return Replay(entry.image, ("decode",), None, entry.tolerance, None, expected)
    scores = reading(passed.scores)
    error = float(np.abs(scores[indices] - recorded).max())
    best = int(scores.argmax())
    differing = {
        "decode": passed.decoded_sha256 != entry.decoded_sha256,
        "resize": passed.resized_sha256 != entry.resized_sha256,
        "input tensor": passed.input_sha256 != entry.input_sha256,
        # Of scores that were recorded as equal, each may be the best one here. Written so that NaN differs too.
        "output": not (error <= entry.tolerance and best in indices[recorded == recorded.max()]),
    }
    stages = tuple(stage for stage in STAGES if differing[stage])
    return Replay(entry.image, stages, error if np.isfinite(error) else None, entry.tolerance, best, expected)


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
        f"{path}: the scores in its card for {entry.image!r} don't fit its {outputs} outputs; export the model again"
    )


def _sha256(array: npt.NDArray[Any]) -> str:
    return hashlib.sha256(array.tobytes()).hexdigest()
