"""One variant: made, run through device, compared with its source, and kept where it is sound."""

import hashlib
import re
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

from tqdm import tqdm

from device import command, files
from device.errors import UserError
from device.evaluation import evaluate
from device.evaluation.exports import ExportedVariant, LayerError, ReferenceComparison
from device.inference.classifier import Classifier
from device.inference.golden import record
from device.model import card
from device.model.card import Accuracy
from device.model.variants import BY_NAME
from export.card import cards, golden
from export.checks import compare, fidelity, layers
from export.checks.reference import Reference
from export.conversion import ends, pixels, quantize
from export.source.sources import ExportSource

# Images by which an int8 file's layers are ranked.
RANKED_BY = 8
RANGES_SEEN = 32  # calibration images; they lie in order of class, so every so many of them


@dataclass(frozen=True)
class Made:
    """A variant's row, the bytes of its file with the card (of a sound one), and what it loses, in words."""

    row: ExportedVariant
    data: bytes = b""
    notes: tuple[str, ...] = ()


class Maker:
    """Makes the variants of one source, float32 first.

    float32: the bare network. goldens: the images that each file's tail gets. scratch: a folder.
    """

    def __init__(
        self, source: ExportSource, float32: bytes, reference: Reference, goldens: golden.Set, scratch: Path
    ) -> None:
        self.source, self.float32, self.reference, self.goldens = source, float32, reference, goldens
        self.scratch = scratch
        self.folder = source.folder / "export"
        self._float32_top1: float | None = None

    def made(self, variant: str) -> Made:
        """One that can't be made, or that the runtime can't load, has the reason among its failures.

        UserError where float32 is not sound.
        """
        made = self._attempt(variant)
        if variant == "float32":
            self._float32_top1 = made.row.top1
            if made.row.failures:
                reasons = "; ".join(made.row.failures)
                raise UserError(f"{self.source.model}: its float32 .tflite is not sound: {reasons}")
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
            reason = re.sub(rf"^{re.escape(str(self.scratch))}\S*: ", "", str(error))
            images = self.reference.images
            return Made(ExportedVariant(variant, len(images), images.split, failures=(reason,)))

    def _layers(self, bare: bytes) -> tuple[LayerError, ...]:
        every = max(1, len(self.source.calibration.images) // RANKED_BY)
        names = layers.keras_names(self.source.model) if self.source.is_keras else ()
        return layers.errors(self.float32, bare, islice(self.source.tensors(), 0, None, every), names)

    def _unlike(self, variant: str, bare: bytes) -> list[str]:
        """Where the file isn't the float network; for its ranges some of the calibration images are seen anew."""
        every = max(1, len(self.source.calibration.images) // RANGES_SEEN)
        is_calibrated = BY_NAME[variant].is_calibrated
        taken = fidelity.taken(self.float32, islice(self.source.tensors(), 0, None, every)) if is_calibrated else {}
        return fidelity.faults(self.float32, bare, self.source.input_range, taken)

    def prove(self, variant: str, bare: bytes, unlike: list[str]) -> Made:
        """Runs a variant through device and compares it. unlike: where it is known not to be the float network."""
        source = self.source
        path = self.scratch / f"{source.name}_{variant}.tflite"
        path.write_bytes(cards.assembled(bare, cards.of(source, variant), {}))
        comparison = self._comparison(variant, path)
        failures = (*compare.failures(variant, comparison), *unlike)
        row = ExportedVariant(variant, **vars(comparison), network_bytes=len(bare), failures=failures)
        if failures:
            return Made(row)
        accuracy = None
        if comparison.top1 is not None and comparison.interval is not None:
            float_top1 = comparison.top1 if variant == "float32" else self._float32_top1
            accuracy = Accuracy(comparison.top1, comparison.n, comparison.interval, float_top1, comparison.split)
        full = replace(
            cards.of(source, variant),
            accuracy=accuracy,
            golden=record(Classifier(path), self.goldens.files, BY_NAME[variant].tolerance),
            golden_source=self.goldens.source,
        )
        notes = tuple(compare.losses(variant, comparison))
        return Made(row, cards.assembled(bare, full, self.goldens.files), notes)

    def _comparison(self, variant: str, path: Path) -> ReferenceComparison:
        source, reference = self.source, self.reference
        with tqdm(total=len(reference.images), desc=variant, unit=" images", disable=None, leave=False) as bar:
            scores = evaluate.score_images(path, reference.images, progress=bar.update)
        targets = reference.images.targets if reference.labeled else None
        unseen = None
        if source.unseen is not None and reference.unseen is not None:
            ours = reference.unseen if variant == "float32" else source.unseen.scores(path, reference.images)
            unseen = ours, reference.unseen
        split, kind = reference.images.split, source.output.kind
        return compare.compare(scores, reference.scores, targets, split, kind, unseen, source.labels)

    def keep(self, made: Made, name: str = "") -> ExportedVariant:
        """Writes a sound file, removes an older one of a variant that failed, and says so.

        name: by default the variant.
        """
        row, name = made.row, name or made.row.variant
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
            tail_bytes=card.tail_bytes(path),
        )


def _left_in_float(variant: str, bare: bytes) -> list[str]:
    names = ", ".join(ends.in_float(bare))
    return [f"{variant} computes {names} in float32: LiteRT Quantizer has no int8 for it"] if names else []
