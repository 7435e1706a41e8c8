"""What distinguishes a broken conversion from a sound one of an unsure network: planted faults, real exports.

    python -m experiments.soundness RUN… [--images 60]      a quarter of an hour for five runs of 224x224

RUN: trained run folders whose images are in the cache. Of each the variants are made as export makes them and compared
with Keras on some of its test images; then once more with each fault of tests/export/planting.py in them. Writes
results/soundness.json: for each, agreement, signal to noise, the drop's interval, and what refuses it.
"""

import argparse
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from device.data.folders import Labeled
from device.errors import UserError
from device.evaluation import evaluate
from device.model import card
from experiments.record import write
from export.card import cards
from export.checks import compare, fidelity
from export.conversion import convert, quantize
from export.source.find import find
from export.source.request import ExportRequest
from export.source.sources import ExportSource
from tests.export import planting

SEED = 1
# Float files are changed in the same places as int8 ones; a few faults show that they are judged alike.
FEW = ("middle layer x0.5", "last layer x2", "channels swapped", "last layer zeroed")
FAULTS = {"int8": tuple(planting.FAULTS), "dynamic": FEW, "float16": FEW}


def some(test: Labeled, images: int) -> Labeled:
    """So many of the test images, drawn by the seed, in memory."""
    rows = np.sort(np.random.default_rng(SEED).permutation(len(test))[:images])
    assert isinstance(test.sources, np.ndarray)
    return replace(test, sources=np.array(test.sources[rows]), targets=test.targets[rows], hashes=())


def files(variant: str, made: bytes, source: ExportSource, float32: bytes) -> Iterator[tuple[str, bytes]]:
    """The file as it is, and with each fault."""
    yield "none", made
    for name in FAULTS[variant]:
        yield name, planting.planted(made, planting.FAULTS[name])
    if variant == "int8":
        low, high = source.input_range
        yield "range of 0..1", quantize.make(variant, float32, source.tensors(), 0.0, 1.0)
        dark = (np.float32(0.1) * tensor for tensor in source.tensors())
        yield "calibrated with a tenth", quantize.make(variant, float32, dark, low, high)
        yield "zero point shifted", planting.planted(made, planting.zero_point_shifted("middle"))


def study(source: ExportSource, images: int) -> Iterator[dict[str, Any]]:
    """A row a variant and planted fault: whether it is refused, its agreement, its signal to noise in dB."""
    assert source.test is not None
    test = some(source.test, images)
    if source.is_keras:
        float32, reference = convert.convert(source.model, np.asarray(test.sources))
    else:
        float32 = card.network_bytes(source.model)
        reference = scores(source, "float32", float32, test)
    taken = fidelity.taken(float32, source.tensors())
    known = {"network": source.folder.name, "labels": len(source.labels), "n": len(test)}
    known["sure"] = float(reference.max(axis=1).mean())
    for variant in FAULTS:
        made = quantize.make(variant, float32, source.tensors(), *source.input_range)
        for fault, content in files(variant, made, source, float32):
            row = {**known, "variant": variant, "fault": fault}
            unlike = fidelity.faults(float32, content, source.input_range, taken)
            try:
                answered = scores(source, variant, content, test)
            except UserError as error:
                yield {**row, "error": str(error).partition(": ")[2], "refused": True}
                continue
            seen = compare.compare(answered, reference, test.targets, "test", source.output.kind)
            by_scores = compare.failures(variant, seen)
            figures = {name: getattr(seen, name) for name in ("agreement", "signal", "drop", "drop_interval")}
            yield {**row, **figures, "by_scores": by_scores, "by_file": unlike, "refused": bool(by_scores or unlike)}


def scores(source: ExportSource, variant: str, content: bytes, test: Labeled) -> compare.Scores:
    """Scores of a bare network of this variant, n x labels."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.tflite"
        path.write_bytes(cards.assembled(content, cards.of(source, variant), {}))
        return evaluate.score_images(path, test)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("runs", type=Path, nargs="+", metavar="RUN")
    options.add_argument("--images", type=int, default=60)
    given = options.parse_args()
    rows = []
    for run in given.runs:
        for row in study(find(ExportRequest(run)), given.images):
            print({name: value for name, value in row.items() if name not in ("labels", "n")}, flush=True)
            rows.append(row)
    write("soundness", rows, "python -m experiments.soundness RUN…", seed=SEED)


if __name__ == "__main__":
    main()
