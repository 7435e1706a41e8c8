"""The way of one export: float32, then each variant from it, run through device and compared before it is kept."""

import hashlib
import re
import tempfile
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

import numpy as np
import numpy.typing as npt
from tqdm import tqdm

from device import command, files, locks
from device.data.folders import Labeled
from device.errors import UserError
from device.evaluation import evaluate, exports
from device.evaluation.exports import CalibrationRows, Export, ExportedVariant, Inputs
from device.inference.classifier import Classifier
from device.inference.golden import record
from device.model import card
from device.model.card import Accuracy
from device.model.variants import BY_NAME, NAMES
from export.card import cards, golden
from export.checks import compare, fidelity
from export.conversion import convert, fixed_size, pixels, quantize
from export.source.sources import ExportSource

RANGES_SEEN = 32  # calibration images; they lie in order of class, so every so many of them

Scores = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Made:
    """A variant's row, the bytes of its file with the card (of a sound one), and what it loses, in words."""

    row: ExportedVariant
    data: bytes = b""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Reference:
    """What every variant is compared with: scores by Keras (or by the float file itself) on the images at hand."""

    kind: str  # "keras" or "float32"
    images: Labeled
    labeled: bool
    scores: Scores
    unseen: Scores | None = None  # by heads that haven't seen the images, where the network has


def export(source: ExportSource, variants: Collection[str], committed: bool = False) -> Export:
    """Writes source.folder/export/NAME_VARIANT.tflite for every sound variant, then export.json; returns that document.

    committed: golden images are drawn instead of taken from the data. UserError when float32 itself is not sound, and
    where another process works in the folder: one that trains there would move it away.
    """
    with locks.held(source.folder, "an export"):
        _move_aside(source.folder / "export", source.model_sha256)
        return _export(source, variants, committed)


def _move_aside(folder: Path, model_sha256: str) -> None:
    """The export of another model is kept under another name: files of one name come from many tools."""
    before = exports.read_if_whole(folder)
    if before is None or before.inputs.model_sha256 == model_sha256:
        return
    moved = folder.rename(files.aside(folder))
    command.say(f"note: {folder}: the export of another model that lay there is kept as {moved}")


def _export(source: ExportSource, variants: Collection[str], committed: bool) -> Export:
    folder = source.folder / "export"
    if pixels.differ(source.input):
        command.say(
            "note: the channels' mean and std differ, so they go into the network: its files take pixels 0..255"
        )
    with tempfile.TemporaryDirectory(prefix="framelite-") as scratch:
        float32, reference = _float32(source, Path(scratch))
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
    calibration = CalibrationRows(**vars(source.calibration.recorded), rows=source.calibration.rows)
    decided = inputs(source, variants, committed)
    done = Export(exports.DONE, decided, reference.kind, calibration, tuple(rows))
    exports.write(folder, done)
    return done


def inputs(source: ExportSource, variants: Collection[str], committed: bool) -> Inputs:
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
    )


def _test_sha256(source: ExportSource) -> str | None:
    """Of the test images' files and labels; None for a run, whose model_sha256 stands for its data too."""
    if source.test is None or isinstance(source.test.sources, np.ndarray):
        return None
    digest = hashlib.sha256(source.test.targets.tobytes())
    for path in source.test.sources:
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def _float32(source: ExportSource, scratch: Path) -> tuple[bytes, Reference]:
    """The bare float32 model, which takes what the cards will say, and the reference's scores."""
    labeled = source.test is not None
    test = source.test or Labeled(
        source.labels,
        source.calibration.images,
        np.zeros(len(source.calibration.images), np.int64),
        "calibration",
        0,
    )
    if source.is_keras:
        command.say("float32: converting with TensorFlow …")
        assert isinstance(test.sources, np.ndarray)
        model, scores = convert.convert(source.model, test.sources, source.input.mean, source.input.std)
        taken = pixels.taken(model, source.input)
        return taken, Reference("keras", test, labeled, scores, _unseen(source, taken, test, scratch))
    bare = fixed_size.fix(card.network_bytes(source.model), (source.input.height, source.input.width))
    path = scratch / "reference.tflite"
    path.write_bytes(cards.assembled(bare, replace(cards.of(source, "float32"), input=source.input), {}))
    try:
        scores = evaluate.score_images(path, test)
    except UserError as error:
        reason = str(error).removeprefix(f"{path}: ")
        raise UserError(f"{source.model}: its float32 .tflite is not sound: {reason}") from None
    return pixels.taken(bare, source.input), Reference("float32", test, labeled, scores)


def _unseen(source: ExportSource, float32: bytes, test: Labeled, scratch: Path) -> Scores | None:
    """What the variants' cross-validated scores are compared with: those of the float32 file."""
    if source.unseen is None:
        return None
    path = scratch / "reference.tflite"
    path.write_bytes(cards.assembled(float32, cards.of(source, "float32"), {}))
    return source.unseen.scores(path, test)


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
        return _prove(source, variant, bare, unlike, reference, goldens, float32_top1, scratch)
    except UserError as error:
        if variant == "float32":
            raise
        reason = re.sub(rf"^{re.escape(str(scratch))}\S*: ", "", str(error))
        return Made(ExportedVariant(variant, len(reference.images), reference.images.split, failures=(reason,)))


def _unlike(source: ExportSource, variant: str, float32: bytes, bare: bytes) -> list[str]:
    """Where the file isn't the float network; for its ranges some of the calibration images are seen anew."""
    every = max(1, len(source.calibration.images) // RANGES_SEEN)
    taken = fidelity.taken(float32, islice(tensors(source), 0, None, every)) if variant == "int8" else {}
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


def _keep(made: Made, folder: Path, source: ExportSource) -> ExportedVariant:
    """Writes a sound file, removes an older one of a variant that failed, and says so."""
    row = made.row
    path = folder / f"{source.name}_{row.variant}.tflite"
    if row.failures:
        path.unlink(missing_ok=True)
        command.say(f"{row.variant}: not kept: {'; '.join(row.failures)}")
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
