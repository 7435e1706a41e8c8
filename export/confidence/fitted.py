"""Fits a variant's temperature and threshold for its card, and measures their effect for export.json."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from device.data.folders import Labeled
from device.errors import UserError
from device.evaluation import evaluate
from device.evaluation.confidence import FittedConfidence, ThresholdFit
from device.inference.classifier import Classifier
from device.inference.prediction import Scores
from device.model.card import Confidence
from export.checks.reference import Reference
from export.confidence import temperature, threshold
from export.confidence.scored import Numbers, Scored, calibration_error
from export.confidence.temperature import FOLDS, LEAST_IMAGES, FittedTemperature
from export.confidence.threshold import ThresholdWish
from export.source import held_out, image_folders, unknown_images
from export.source.sources import ExportSource


def check(source: ExportSource, wish: ThresholdWish) -> None:
    """UserError if there are too few images to choose the threshold."""
    if wish.keep_known is not None:
        least, most = max(LEAST_IMAGES, wish.least), held_out.most(source.input)
        count = len(source.held_out.images)
        if source.unseen is not None and source.test is not None:  # all that were cross-validated
            count = most = len(source.test)
        if least > most:
            raise UserError(
                f"keep_known {wish.keep_known:g} needs {least} images to choose a threshold by, and at most {most}"
                " are asked about here; give a smaller share"
            )
        if count < least:
            raise UserError(
                f"{source.model}: {count} labeled images are held out to choose a threshold by, neither calibration nor"
                f" test, and keep_known {wish.keep_known:g} needs {least}; give more, or images of unknown things"
                " (--unknown DIR)"
            )
    elif source.unknown is not None and 2 * wish.least > unknown_images.MOST:
        raise UserError(
            f"false_accepts {wish.false_accepts:g} needs {2 * wish.least} images, and at most {unknown_images.MOST}"
            " are used; give a larger share"
        )
    elif source.unknown is not None and len(source.unknown.paths) < 2 * wish.least:
        raise UserError(
            f"{source.unknown.folder}: {len(source.unknown.paths)} different images, and false_accepts"
            f" {wish.false_accepts:g} needs {2 * wish.least}, half of them to judge the threshold by; give more"
        )


@dataclass(frozen=True)
class _Judged:
    """The scores that judge a file's confidence. folds: each image's fold, if it was fitted on these images."""

    scored: Scored
    temperature: float | Numbers | None
    folds: npt.NDArray[np.int64] | None


class ConfidenceFitter:
    """Fits every kept variant on the same images. reference: the images that judge it."""

    def __init__(
        self, source: ExportSource, wish: ThresholdWish, variants: Collection[str], reference: Reference
    ) -> None:
        self._source, self._wish, self._variants, self._reference = source, wish, variants, reference
        self._held_out = source.held_out.preprocessed(source.input)
        chosen, judged = source.unknown.halves() if source.unknown else ((), ())
        if wish.keep_known is not None:  # they choose nothing, so all of them judge
            chosen, judged = (), chosen + judged
        self._choosing, self._judging = (_unlabeled(source, paths) for paths in (chosen, judged))

    def fit(self, variant: str, path: Path, scores: Scores, unseen: Scores | None) -> FittedConfidence | None:
        """Fits one variant; None if it is not kept. path: its file, without a temperature.

        scores: the file's own for the reference's images; unseen: instead those of heads that haven't seen them, as
        logits.
        """
        if variant not in self._variants:
            return None
        seed = self._source.calibration.seed
        known = self._known(path, unseen)
        fitted = temperature.fit(known, seed)
        judged = self._judged(known, fitted, None if unseen is not None else scores)
        record = FittedConfidence(fitted.record, self._threshold(path, known, fitted, judged))
        return _with_calibration(record, judged, seed) if judged else record

    def _known(self, path: Path, unseen: Scores | None) -> Scored:
        """The held-out images' scores, reused if the heads have scored all of them already."""
        images, step = self._held_out.images, Classifier(path).output.scale
        if unseen is not None:
            images, scores = self._reference.images, held_out.as_given(unseen, step)
        elif len(images):
            scores = self._held_out.scores(path)
        else:
            scores = np.zeros((0, len(self._source.labels)), np.float32)
        return Scored(scores, images.targets, images.split, self._source.output, step)

    def _judged(self, known: Scored, fitted: FittedTemperature, scores: Scores | None) -> _Judged | None:
        """The test images if there are any; else the images that it was fitted on, by folds."""
        images = self._reference.images
        if scores is not None and self._reference.labeled:
            test = Scored(scores, images.targets, images.split, known.output, known.step)
            return _Judged(test, fitted.temperature, None)
        return _Judged(known, fitted.by_folds, fitted.folds) if len(known) else None

    def _threshold(
        self, path: Path, known: Scored, fitted: FittedTemperature, judged: _Judged | None
    ) -> ThresholdFit | None:
        wish = self._wish
        if wish.keep_known is not None:
            scores = known.of(known.right).best(fitted.temperature)
            if len(scores) < (least := max(wish.least, 2 * FOLDS)):
                raise UserError(
                    f"{self._source.model}: {len(scores)} of {len(known)} held-out images are predicted rightly, and"
                    f" keep_known {wish.keep_known:g} needs {least} to choose a threshold by; train it better"
                )
            below, share = threshold.keeping(scores, wish.keep_known), wish.keep_known
        elif wish.false_accepts is not None:
            scores = self._best(path, self._choosing, known, fitted)
            below, share = threshold.refusing(scores, wish.false_accepts), wish.false_accepts
        else:
            return None
        kind = "keep_known" if wish.keep_known is not None else "false_accepts"
        accepted = self._best(path, self._judging, known, fitted) >= below
        kept = self._kept(judged, below) if judged else np.zeros(0, np.bool_)
        right = judged.scored.right if judged else kept
        return ThresholdFit(
            below, kind, share, len(scores), *map(threshold.share_of, (kept[right], kept[~right], accepted))
        )

    def _best(self, path: Path, images: Labeled, known: Scored, fitted: FittedTemperature) -> Numbers:
        if not len(images):
            return np.zeros(0)
        found = evaluate.score_images(path, images)
        return Scored(found, images.targets, images.split, known.output, known.step).best(fitted.temperature)

    def _kept(self, judged: _Judged, below: float) -> npt.NDArray[np.bool_]:
        """Whether each image keeps its label; if they chose the threshold, by that of the other folds."""
        scores, right = judged.scored.best(judged.temperature), judged.scored.right
        if judged.folds is None or self._wish.keep_known is None:
            return np.greater_equal(scores, below)
        kept = np.zeros(len(scores), np.bool_)
        for fold in range(FOLDS):
            mine = judged.folds == fold
            kept[mine] = scores[mine] >= threshold.keeping(scores[~mine & right], self._wish.keep_known)
        return kept


def card_of(fitted: FittedConfidence | None) -> Confidence:
    """The card's confidence, which device applies."""
    if fitted is None:
        return Confidence()
    found = fitted.temperature
    below = fitted.threshold.unknown_below if fitted.threshold else None
    return Confidence(found.temperature if found.kept else None, below)


def _with_calibration(record: FittedConfidence, judged: _Judged, seed: int) -> FittedConfidence:
    record = replace(record, judged_split=judged.scored.split, judged_n=len(judged.scored))
    if judged.scored.output.kind == "logits":
        return record
    before = calibration_error(judged.scored, None, seed)
    after = calibration_error(judged.scored, judged.temperature, seed) if record.temperature.kept else None
    return replace(record, before=before, after=after)


def _unlabeled(source: ExportSource, paths: Sequence[Path]) -> Labeled:
    """The images at the network's size."""
    nothing = np.zeros(len(paths), np.int64)
    return Labeled(source.labels, image_folders.preprocessed(paths, source.input), nothing, "unknown", 0)
