"""The golden images in a model file: recorded at export, and replayed on another machine.

    entries = record(classifier, files, tolerance)       # for the card
    if replay(classifier).passed: …

A hash is recorded for each stage, and the scores for the output. A different hash names the stage. The scores alone
decide whether the replay passes: the same best label, and every score within the recorded tolerance.
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
# With more labels than this only the five best scores are recorded.
MANY_LABELS = 100


@dataclass(frozen=True)
class Trace:
    """One image's way through a classifier: the hash of each stage's result, and the raw scores."""

    decoded_sha256: str
    resized_sha256: str
    input_sha256: str
    scores: Scores

    @classmethod
    def through(cls, classifier: Classifier, data: bytes) -> "Trace":
        """Classifies encoded bytes; ValueError if they can't be decoded here."""
        decoded = images.decode(data)
        resized = classifier.preprocessor.resize(decoded)
        tensor = classifier.preprocessor.tensor(resized)
        classifier.invoke(tensor)
        return cls(_sha256(decoded), _sha256(resized), _sha256(tensor), classifier.raw_scores())


def record(classifier: Classifier, encoded: Mapping[str, bytes], tolerance: float) -> tuple[Golden, ...]:
    """The card's entries for these images, in order. encoded: the images' bytes by their names in the archive."""
    traces = {name: Trace.through(classifier, data) for name, data in encoded.items()}
    return tuple(
        Golden(
            image=name,
            decoded_sha256=trace.decoded_sha256,
            resized_sha256=trace.resized_sha256,
            input_sha256=trace.input_sha256,
            scores=rounded(trace.scores),
            tolerance=tolerance,
        )
        for name, trace in traces.items()
    )


def rounded(scores: Scores) -> tuple[Any, ...]:
    """Scores as a card has them: all in order, or of many the five best as {"index", "score"}."""
    every = [round(float(score), 6) for score in scores]
    if len(every) <= MANY_LABELS:
        return tuple(every)
    best = np.argsort(-scores, kind="stable")[:5]
    return tuple({"index": int(i), "score": every[i]} for i in best)


@dataclass(frozen=True)
class Replay:
    """The replay of one golden image.

    differing: the stages whose result differs from export, in order; the output counts if its best label is another or
    a score is beyond the tolerance. score_error: the largest difference of a score; None if there are no scores, or
    some are not finite. best, expected: the index of the best label here and at export.
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
    """The replays of a file on this machine. Without any it doesn't pass, because there is no evidence for it."""

    images: tuple[Replay, ...]

    @property
    def passed(self) -> bool:
        return bool(self.images) and all(replay.passed for replay in self.images)

    @property
    def first(self) -> Stage | None:
        """The earliest stage that differs in any image."""
        return next((stage for stage in STAGES if self.count(stage)), None)

    @property
    def score_error(self) -> float | None:
        """The largest one; None if an image has none."""
        errors = [replay.score_error for replay in self.images]
        known = [error for error in errors if error is not None]
        return max(known) if known and len(known) == len(errors) else None

    def count(self, stage: Stage) -> int:
        """The number of images that differ at a stage."""
        return sum(stage in replay.differing for replay in self.images)


def replay(
    classifier: Classifier, beat: Callable[[], None] = lambda: None, change: Callable[[Scores], Scores] = lambda s: s
) -> GoldenResult:
    """Replays the golden images in the classifier's own file. UserError if its card and its archive don't fit.

    beat: called before each image and after the last one; a large network may take seconds for one. change: applied to
    the scores before they are compared.
    """
    archive = cards.read_archive(classifier.path)
    for entry in classifier.card.golden:
        if entry.image not in archive:
            raise UserError(
                f"{classifier.path}: its card names {entry.image!r}, which isn't in the file; export the model again"
            )
    replays = []
    for entry in classifier.card.golden:
        beat()
        replays.append(_replay(classifier, entry, archive, change))
    beat()
    return GoldenResult(tuple(replays))


def _replay(
    classifier: Classifier, entry: Golden, archive: Mapping[str, bytes], change: Callable[[Scores], Scores]
) -> Replay:
    indices, recorded = _recorded(classifier.path, entry, _outputs(classifier))
    expected = int(indices[recorded.argmax()])
    try:
        trace = Trace.through(classifier, archive[entry.image])
    except ValueError:
        return Replay(entry.image, ("decode",), None, entry.tolerance, None, expected)
    scores = change(trace.scores)
    error = float(np.abs(scores[indices] - recorded).max())
    best = int(scores.argmax())
    differing = {
        "decode": trace.decoded_sha256 != entry.decoded_sha256,
        "resize": trace.resized_sha256 != entry.resized_sha256,
        "input tensor": trace.input_sha256 != entry.input_sha256,
        # Of scores that were recorded as equal, each may be the best one here. Written so that NaN differs too.
        "output": not (error <= entry.tolerance and best in indices[recorded == recorded.max()]),
    }
    stages = tuple(stage for stage in STAGES if differing[stage])
    return Replay(entry.image, stages, error if np.isfinite(error) else None, entry.tolerance, best, expected)


def _outputs(classifier: Classifier) -> int:
    """The number of scores of a prediction."""
    outputs = classifier.output.count
    return 2 if outputs == 1 and classifier.card.output.kind == "sigmoid" else outputs


def _recorded(path: Path, entry: Golden, outputs: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    """(indices, scores) from the card, which has every output in order, or the five best as {index, score}."""
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
