"""The way of one export: float32, then each variant from it, run through device and compared before it is kept."""

import hashlib
import re
import tempfile
from collections.abc import Collection, Iterator
from dataclasses import dataclass, fields, replace
from itertools import islice
from pathlib import Path

import numpy as np
import numpy.typing as npt
from tqdm import tqdm

from device import command, files, locks
from device.errors import UserError
from device.evaluation import evaluate, exports
from device.evaluation.exports import (
    CalibrationRows,
    Export,
    ExportedVariant,
    Inputs,
    LayerError,
    ReferenceComparison,
    Rescue,
)
from device.inference.classifier import Classifier
from device.inference.golden import record
from device.model import card
from device.model.card import Accuracy
from device.model.variants import BY_NAME, NAMES
from export.card import cards, golden
from export.checks import compare, fidelity, layers
from export.checks import reference as references
from export.checks.reference import Reference
from export.conversion import pixels, quantize
from export.rescue import rescued
from export.rescue.build import PLAIN
from export.source.sources import ExportSource

# The file that is made otherwise where int8 loses too much.
RESCUED = "int8_rescued"
# Images by which an int8 file's layers are ranked.
RANKED_BY = 8
RANGES_SEEN = 32  # calibration images; they lie in order of class, so every so many of them

Scores = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Made:
    """A variant's row, the bytes of its file with the card (of a sound one), and what it loses, in words."""

    row: ExportedVariant
    data: bytes = b""
    notes: tuple[str, ...] = ()


def export(
    source: ExportSource, variants: Collection[str], committed: bool = False, max_drop: float | None = None
) -> Export:
    """Writes source.folder/export/NAME_VARIANT.tflite for every sound variant, then export.json; returns that document.

    committed: golden images are drawn instead of taken from the data. max_drop: a share of accuracy; where int8 may
    lose more, NAME_int8_rescued.tflite is searched for (export/rescue/). UserError when float32 itself is not sound,
    where there are too few images for a rescue, and where another process works in the folder: one that trains there
    would move it away.
    """
    if max_drop is not None:
        rescued.check(source)
    with locks.held(source.folder, "an export"):
        _move_aside(source.folder / "export", source.model_sha256)
        return _export(source, variants, committed, max_drop)


def _move_aside(folder: Path, model_sha256: str) -> None:
    """The export of another model is kept under another name: files of one name come from many tools."""
    before = exports.read_if_whole(folder)
    if before is None or before.inputs.model_sha256 == model_sha256:
        return
    moved = folder.rename(files.aside(folder))
    command.say(f"note: {folder}: the export of another model that lay there is kept as {moved}")


def _export(source: ExportSource, variants: Collection[str], committed: bool, max_drop: float | None) -> Export:
    folder = source.folder / "export"
    if pixels.differ(source.input):
        command.say(
            "note: the channels' mean and std differ, so they go into the network: its files take pixels 0..255"
        )
    with tempfile.TemporaryDirectory(prefix="framelite-") as scratch:
        float32, reference = references.of(source, Path(scratch))
        goldens = _goldens(source, reference, committed)
        rows = []
        float32_top1 = None
        for variant in NAMES:
            if variant not in variants and variant != "float32":
                continue
            command.say(f"{variant}: making and checking it on {len(reference.images)} images …")
            made = _attempt(source, variant, float32, reference, goldens, float32_top1, Path(scratch))
            if variant == "float32":
                float32_top1, failures = made.row.top1, made.row.failures
                if failures:
                    raise UserError(f"{source.model}: its float32 .tflite is not sound: {'; '.join(failures)}")
            if variant in variants:
                rows.append(_keep(made, folder, source))
                if rows[-1].layers:
                    layers.draw(rows[-1].layers, folder / "layers.png")
        mended = None
        if max_drop is not None:
            mended = _rescue(source, float32, reference, goldens, float32_top1, max_drop, Path(scratch))
    calibration = CalibrationRows(**vars(source.calibration.recorded), rows=source.calibration.rows)
    decided = inputs(source, variants, committed, max_drop)
    done = Export(exports.DONE, decided, reference.kind, calibration, tuple(rows), mended)
    exports.write(folder, done)
    return done


def inputs(source: ExportSource, variants: Collection[str], committed: bool, max_drop: float | None = None) -> Inputs:
    return Inputs(
        model_sha256=source.model_sha256,
        variants=tuple(variant for variant in NAMES if variant in variants),
        labels=source.labels,
        input=source.input,
        output=source.output.kind,
        calibration=source.calibration.recorded,
        calibration_sha256=hashlib.sha256(source.calibration.images.tobytes()).hexdigest(),
        golden="drawn" if committed else "data",
        test_images=len(source.test) if source.test else 0,
        test_sha256=_test_sha256(source),
        max_drop=max_drop,
    )


def _test_sha256(source: ExportSource) -> str | None:
    """Of the test images' files and labels; None for a run, whose model_sha256 stands for its data too."""
    if source.test is None or isinstance(source.test.sources, np.ndarray):
        return None
    digest = hashlib.sha256(source.test.targets.tobytes())
    for path in source.test.sources:
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def _goldens(source: ExportSource, reference: Reference, committed: bool) -> golden.Set:
    labels, seed = source.labels, source.calibration.seed
    if committed:
        return golden.drawn((source.input.height, source.input.width), labels, seed)
    if reference.images.split == "test" and isinstance(reference.images.sources, np.ndarray):
        return golden.choose(reference.images.sources, "test", labels, seed)
    return golden.choose(source.calibration.images, "calibration", labels, seed)


def tensors(source: ExportSource) -> Iterator[npt.NDArray[np.float32]]:
    """The calibration images as the float network takes them."""
    return pixels.tensors(source.calibration.images, pixels.fed(source.input))


def input_range(source: ExportSource) -> tuple[float, float]:
    """What the float network is fed for pixel 0 and for pixel 255."""
    return pixels.ends(pixels.fed(source.input))


def _attempt(
    source: ExportSource,
    variant: str,
    float32: bytes,
    reference: Reference,
    goldens: golden.Set,
    float32_top1: float | None,
    scratch: Path,
) -> Made:
    """A variant's row; one that can't be made, or that the runtime can't load, has the reason among its failures."""
    try:
        scaled = pixels.ranges(float32, source.input)
        bare = quantize.make(variant, float32, tensors(source), *input_range(source), scaled)
        unlike = _unlike(source, variant, float32, bare)
        made = _prove(source, variant, bare, unlike, reference, goldens, float32_top1, scratch)
        if not BY_NAME[variant].is_calibrated:
            return made
        return replace(made, row=replace(made.row, layers=_layers(source, float32, bare)))
    except UserError as error:
        if variant == "float32":
            raise
        reason = re.sub(rf"^{re.escape(str(scratch))}\S*: ", "", str(error))
        return Made(ExportedVariant(variant, len(reference.images), reference.images.split, failures=(reason,)))


def _layers(source: ExportSource, float32: bytes, bare: bytes) -> tuple[LayerError, ...]:
    every = max(1, len(source.calibration.images) // RANKED_BY)
    names = layers.keras_names(source.model) if source.is_keras else ()
    return layers.errors(float32, bare, islice(tensors(source), 0, None, every), names)


def _unlike(source: ExportSource, variant: str, float32: bytes, bare: bytes) -> list[str]:
    """Where the file isn't the float network; for its ranges some of the calibration images are seen anew."""
    every = max(1, len(source.calibration.images) // RANGES_SEEN)
    is_calibrated = BY_NAME[variant].is_calibrated
    taken = fidelity.taken(float32, islice(tensors(source), 0, None, every)) if is_calibrated else {}
    return fidelity.faults(float32, bare, input_range(source), taken)


def _prove(
    source: ExportSource,
    variant: str,
    bare: bytes,
    unlike: list[str],
    reference: Reference,
    goldens: golden.Set,
    float32_top1: float | None,
    scratch: Path,
) -> Made:
    """Runs a variant through device and compares it.

    unlike: where it is known not to be the float network.
    """
    path = scratch / f"{source.name}_{variant}.tflite"
    path.write_bytes(cards.assembled(bare, cards.of(source, variant), {}))
    with tqdm(total=len(reference.images), desc=variant, unit=" images", disable=None, leave=False) as bar:
        scores = evaluate.score_images(path, reference.images, progress=bar.update)
    targets = reference.images.targets if reference.labeled else None
    split, kind = reference.images.split, source.output.kind
    unseen = None
    if source.unseen is not None and reference.unseen is not None:
        ours = reference.unseen if variant == "float32" else source.unseen.scores(path, reference.images)
        unseen = ours, reference.unseen
    comparison = compare.compare(scores, reference.scores, targets, split, kind, unseen, source.labels)
    failures = (*compare.failures(variant, comparison), *unlike)
    row = ExportedVariant(variant, **vars(comparison), network_bytes=len(bare), failures=failures)
    if failures:
        return Made(row)
    accuracy = None
    if comparison.top1 is not None and comparison.interval is not None:
        float_top1 = comparison.top1 if variant == "float32" else float32_top1
        accuracy = Accuracy(comparison.top1, comparison.n, comparison.interval, float_top1, comparison.split)
    full = replace(
        cards.of(source, variant),
        accuracy=accuracy,
        golden=record(Classifier(path), goldens.files, BY_NAME[variant].tolerance),
        golden_source=goldens.source,
    )
    return Made(row, cards.assembled(bare, full, goldens.files), tuple(compare.losses(variant, comparison)))


def _rescue(
    source: ExportSource,
    float32: bytes,
    reference: Reference,
    goldens: golden.Set,
    float32_top1: float | None,
    max_drop: float,
    scratch: Path,
) -> Rescue:
    """The chosen file is proved and kept as every variant is, unless it is the plain one."""
    folder = source.folder / "export"
    (folder / f"{source.name}_{RESCUED}.tflite").unlink(missing_ok=True)
    done = rescued.rescue(source, float32, max_drop, scratch)
    made = _prove(source, "int8", done.found.chosen.made, list(done.unlike), reference, goldens, float32_top1, scratch)
    kept = made.row if done.found.chosen.means == PLAIN else _keep(made, folder, source, RESCUED)
    comparison = ReferenceComparison(**{each.name: getattr(kept, each.name) for each in fields(ReferenceComparison)})
    return Rescue(
        max_drop, source.validation.split, done.found.steps, comparison, kept.file, kept.sha256, kept.file_bytes
    )


def _keep(made: Made, folder: Path, source: ExportSource, name: str = "") -> ExportedVariant:
    """Writes a sound file, removes an older one of a variant that failed, and says so. name: by default the variant."""
    row, name = made.row, name or made.row.variant
    path = folder / f"{source.name}_{name}.tflite"
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
