"""The inputs that decide an export's files, and the choice of their golden images."""

import hashlib

import numpy as np

from device.data.folders import Labeled
from device.evaluation.confidence import ConfidenceInputs
from device.evaluation.exports import Inputs
from device.model.variants import NAMES
from export.card import golden
from export.checks.reference import Reference
from export.confidence.threshold import ThresholdWish
from export.options import ExportOptions
from export.source.sources import ExportSource


def inputs(source: ExportSource, options: ExportOptions) -> Inputs:
    """The inputs that must equal an earlier export's for it to be up to date."""
    return Inputs(
        model_sha256=source.model_sha256,
        variants=tuple(variant for variant in NAMES if variant in options.variants),
        labels=source.labels,
        input=source.input,
        output=source.output.kind,
        calibration=source.calibration.recorded,
        calibration_sha256=hashlib.sha256(source.calibration.images.tobytes()).hexdigest(),
        golden="drawn" if options.drawn_golden else "data",
        test_images=len(source.test) if source.test else 0,
        test_sha256=_sha256(source.test),
        max_drop=options.max_drop if options.rescue else None,
        rescue_sha256=_sha256(source.validation.images) if options.rescue else None,
        runtime=options.runtime,
        confidence=_confidence(source, options.threshold),
    )


def _confidence(source: ExportSource, wish: ThresholdWish) -> ConfidenceInputs | None:
    """None if only the model and its data decide."""
    unknown = source.unknown.sha256 if source.unknown else None
    found = ConfidenceInputs(wish.keep_known, wish.false_accepts, unknown, _sha256(source.held_out.images))
    return None if found == ConfidenceInputs() else found


def _sha256(images: Labeled | None) -> str | None:
    """The hash of images' files and labels; None for a run, whose model_sha256 identifies its images."""
    if not images or isinstance(images.sources, np.ndarray):
        return None
    digest = hashlib.sha256(images.targets.tobytes())
    for path in images.files():
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def goldens(source: ExportSource, reference: Reference, is_drawn: bool) -> golden.Set:
    """Five images for a file's archive: drawn ones, the run's test images, or else calibration images."""
    labels, seed = source.labels, source.calibration.seed
    if is_drawn:
        return golden.drawn((source.input.height, source.input.width), labels, seed)
    if reference.images.split == "test" and isinstance(reference.images.sources, np.ndarray):
        return golden.choose(reference.images.sources, "test", labels, seed)
    return golden.choose(source.calibration.images, "calibration", labels, seed)
