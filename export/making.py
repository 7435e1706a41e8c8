"""Makes one variant, runs it through device, compares it with its source, and keeps it if it is sound."""

import hashlib
import re
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

import numpy as np
from tqdm import tqdm

from device import command, files
from device.errors import UserError
from device.evaluation import evaluate
from device.evaluation.cost import QuantizationCost
from device.evaluation.exports import ExportedVariant, LayerError, ReferenceComparison
from device.inference.classifier import Classifier
from device.inference.golden import record
from device.inference.prediction import Scores
from device.model import card
from device.model.card import Accuracy
from device.model.variants import BY_NAME
from export.card import cards, golden
from export.checks import compare, fidelity, layers
from export.checks.reference import Reference
from export.confidence import report
from export.confidence.fitted import ConfidenceFitter, card_of
from export.conversion import ends, pixels, quantize
from export.cost import paired
from export.runtimes.trials import RuntimeTrials
from export.source.sources import ExportSource
from export.source.unseen import scores_by

# The number of images that rank a calibrated file's layers.
RANKED_BY = 8
RANGES_SEEN = 32  # calibration images; they lie in order of class, so every so many of them


@dataclass(frozen=True)
class Made:
    """A variant's row, its file's bytes with the card (empty if not sound), and what it loses, in words."""

    row: ExportedVariant
    data: bytes = b""
    notes: tuple[str, ...] = ()


class Maker:
    """Makes the variants of one source, float32 first.

    float32: the bare network. goldens: the images for each file's archive. scratch: a temporary folder. fitter: of each
    card's confidence. trials: the runtimes that each sound file is tried in.
    """

    def __init__(
        self,
        source: ExportSource,
        float32: bytes,
        reference: Reference,
        goldens: golden.Set,
        scratch: Path,
        fitter: ConfidenceFitter,
        trials: RuntimeTrials,
    ) -> None:
        self.source, self.float32, self.reference, self.goldens = source, float32, reference, goldens
        self.scratch, self._fitter, self._trials = scratch, fitter, trials
        self.folder = source.folder / "export"
        self._float32_top1: float | None = None
        self._float32_scores = reference.scores
        # What limits and tolerances are shares of: probabilities span 1, logits whatever they span.
        self._span = (float(np.ptp(reference.scores)) or 1.0) if source.output.kind == "logits" else 1.0

    def file(self, variant: str) -> Path:
        """The temporary file of a variant that could be made, without golden images."""
        return self.scratch / f"{self.source.name}_{variant}.tflite"

    def made(self, variant: str) -> Made:
        """Makes a variant; one that can't be made, or that the runtime can't load, has the reason among its failures.

        UserError if float32 is not sound.
        """
        made = self._attempt(variant)
        if variant == "float32":
            self._float32_top1 = made.row.top1
            if made.row.failures:
                reasons = "; ".join(made.row.failures)
                raise UserError(
                    f"{self.source.model}: its float32 .tflite is not sound: {reasons}; expected what the model itself"
                    " predicts; save the model anew, or train it again"
                )
        return made

    def _attempt(self, variant: str) -> Made:
        source, float32 = self.source, self.float32
        try:
            known = pixels.ranges(float32, source.input)
            bare = quantize.make(variant, float32, source.tensors(), *source.input_range, known)
            made = self.prove(variant, bare, self._unlike(variant, bare))
            if not BY_NAME[variant].is_calibrated:
                return made
            row = replace(made.row, layers=self._layers(bare))
            return replace(made, row=row, notes=(*made.notes, *_left_in_float(variant, bare)))
        except UserError as error:
            if variant == "float32":
                raise
            return self._refused(variant, error)

    def _refused(self, variant: str, error: UserError) -> Made:
        reason = re.sub(rf"^{re.escape(str(self.scratch))}\S*: ", "", str(error))
        images = self.reference.images
        return Made(ExportedVariant(variant, len(images), images.split, failures=(reason,)))

    def proved(self, variant: str, bare: bytes, unlike: list[str], name: str) -> Made:
        """Like `prove`; a file that can't be run or judged has the reason among its failures."""
        try:
            return self.prove(variant, bare, unlike, name)
        except UserError as error:
            return self._refused(variant, error)

    def _layers(self, bare: bytes) -> tuple[LayerError, ...]:
        every = max(1, len(self.source.calibration.images) // RANKED_BY)
        names = layers.keras_names(self.source.model) if self.source.is_keras else ()
        return layers.errors(self.float32, bare, islice(self.source.tensors(), 0, None, every), names)

    def _unlike(self, variant: str, bare: bytes) -> list[str]:
        """The places where the file isn't the float network. Checks its ranges with some calibration images."""
        every = max(1, len(self.source.calibration.images) // RANGES_SEEN)
        is_calibrated = BY_NAME[variant].is_calibrated
        taken = fidelity.taken(self.float32, islice(self.source.tensors(), 0, None, every)) if is_calibrated else {}
        return fidelity.faults(self.float32, bare, self.source.input_range, taken)

    def prove(self, variant: str, bare: bytes, unlike: list[str], name: str = "") -> Made:
        """Runs a variant through device and compares it. unlike: the places where it isn't the float network. name: by
        which its losses are reported, by default the variant.
        """
        name = name or variant
        source = self.source
        path = self.file(variant)
        path.write_bytes(cards.assembled(bare, cards.of(source, variant), {}))
        scores, unseen = self._scores(variant, path)
        comparison, cost = self._comparison(variant, scores, unseen)
        failures = (*compare.failures(variant, comparison, self._span), *unlike)
        row = ExportedVariant(variant, **vars(comparison), network_bytes=len(bare), failures=failures, cost=cost)
        if failures:
            return Made(row)
        row = replace(row, confidence=self._fitter.fit(variant, path, scores, unseen))
        accuracy = None
        if comparison.top1 is not None and comparison.interval is not None:
            float_top1 = comparison.top1 if variant == "float32" else self._float32_top1
            accuracy = Accuracy(comparison.top1, comparison.n, comparison.interval, float_top1, comparison.split)
        full = replace(
            cards.of(source, variant),
            confidence=card_of(row.confidence),
            accuracy=accuracy,
            golden=record(Classifier(path), self.goldens.files, BY_NAME[variant].tolerance * self._span),
            golden_source=self.goldens.source,
        )
        said = compare.hints(comparison) if variant == "float32" else compare.losses(name, comparison)
        notes = (*said, *report.losses(name, row.confidence))
        return Made(row, cards.assembled(bare, full, self.goldens.files), notes)

    def _scores(self, variant: str, path: Path) -> tuple[Scores, Scores | None]:
        """The file's scores for the reference's images; if it was fitted on them, also those of heads that were not."""
        source, reference = self.source, self.reference
        with tqdm(total=len(reference.images), desc=variant, unit=" images", disable=None, leave=False) as bar:
            scores = evaluate.score_images(path, reference.images, progress=bar.update)
        if source.unseen is None or variant == "float32":
            return scores, reference.unseen
        return scores, scores_by(source.unseen, path, reference.images)

    def _comparison(
        self, variant: str, scores: Scores, unseen: Scores | None
    ) -> tuple[ReferenceComparison, QuantizationCost | None]:
        """Compares a variant's scores with the source's and with the float32 file's."""
        source, reference = self.source, self.reference
        targets = reference.images.targets if reference.labeled else None
        both = None if unseen is None or reference.unseen is None else (unseen, reference.unseen)
        split, kind = reference.images.split, source.output.kind
        compared = compare.compare(scores, reference.scores, targets, split, kind, both, source.labels)
        judged = scores if unseen is None else unseen
        if variant == "float32":
            self._float32_scores = judged
        are_logits = unseen is not None or kind == "logits"
        return compared, paired.cost(self._float32_scores, judged, reference.images, reference.labeled, are_logits)

    def _tried(self, made: Made, name: str) -> Made:
        """Tries a sound file in other runtimes."""
        row = made.row
        tried = None if row.failures else self._trials.tried(self.scratch / f"{row.variant}_tried.tflite", made.data)
        if tried is None:
            return made
        failures = tried.failures if self._trials.is_needed else ()
        notes = () if self._trials.is_needed else tuple(f"{name}: {failure}" for failure in tried.failures)
        return Made(replace(row, runtimes=tried.results, failures=failures), tried.data, (*made.notes, *notes))

    def keep(self, made: Made, name: str = "") -> ExportedVariant:
        """Writes a sound file, or removes an older file of a variant that failed, and says so.

        name: by default the variant.
        """
        name = name or made.row.variant
        made = self._tried(made, name)
        row = made.row
        path = self.folder / f"{self.source.name}_{name}.tflite"
        if row.failures:
            path.unlink(missing_ok=True)
            command.say(f"{name}: not kept: {'; '.join(row.failures)}")
            return row
        for note in made.notes:
            command.say(f"note: {note}")
        files.write_bytes(path, made.data)
        Classifier(path)  # reads its own card and checks it against its tensors
        return replace(
            row,
            file=path.name,
            sha256=hashlib.sha256(made.data).hexdigest(),
            file_bytes=len(made.data),
            archive_bytes=card.archive_bytes(path),
        )


def _left_in_float(variant: str, bare: bytes) -> list[str]:
    names = ", ".join(ends.in_float(bare))
    return [f"{variant} computes {names} in float32: LiteRT Quantizer can't quantize it"] if names else []
