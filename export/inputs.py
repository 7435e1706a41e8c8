"""What decides an export's files, and which golden images they get."""

import hashlib

import numpy as np

from device.evaluation.exports import Inputs
from device.model.variants import NAMES
from export.card import golden
from export.checks.reference import Reference
from export.options import ExportOptions
from export.source.sources import ExportSource


def inputs(source: ExportSource, options: ExportOptions) -> Inputs:
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
        test_sha256=_test_sha256(source),
        max_drop=options.max_drop if options.rescue else None,
        runtime=options.runtime,
    )


def _test_sha256(source: ExportSource) -> str | None:
    """Of the test images' files and labels; None for a run, whose model_sha256 stands for its data too."""
    if source.test is None or isinstance(source.test.sources, np.ndarray):
        return None
    digest = hashlib.sha256(source.test.targets.tobytes())
    for path in source.test.sources:
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def goldens(source: ExportSource, reference: Reference, is_drawn: bool) -> golden.Set:
    labels, seed = source.labels, source.calibration.seed
    if is_drawn:
        return golden.drawn((source.input.height, source.input.width), labels, seed)
    if reference.images.split == "test" and isinstance(reference.images.sources, np.ndarray):
        return golden.choose(reference.images.sources, "test", labels, seed)
    return golden.choose(source.calibration.images, "calibration", labels, seed)
