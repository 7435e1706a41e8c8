"""The committed CIFAR-10 model against a reference file: accuracy, accuracy after JPEG, and latency in one run.

    python -m experiments.cifar10 MODEL REFERENCE        about two minutes; nothing else may run

REFERENCE: MLPerf Tiny's pretrainedResnet_quant.tflite (https://github.com/mlcommons/tiny). Both are asked about the
10,000 test images as they are, and about the same after JPEG quality 75 with Pillow's defaults, as a webcam sends.
"""

import argparse
import io
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from benchmarks.documents.models import Model
from benchmarks.measure import latency
from benchmarks.statistics import stats
from device.data.folders import Labeled
from device.evaluation import evaluate
from device.inference.overrides import NO_OVERRIDES, Overrides
from device.model import card as cards
from experiments.cached import cached
from experiments.record import write

QUALITY = 75


def after_jpeg(images: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """uint8 images, n x height x width x RGB, each saved as JPEG and read again."""
    changed = np.empty_like(images)
    for i, image in enumerate(images):
        coded = io.BytesIO()
        Image.fromarray(image).save(coded, "JPEG", quality=QUALITY)
        changed[i] = np.asarray(Image.open(coded))
    return changed


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("model", type=Path)
    options.add_argument("reference", type=Path)
    asked = options.parse_args()
    cache = cached("cifar10", 32)
    sources = {"clean": np.array(cache.images("test"))}
    sources["jpeg"] = after_jpeg(sources["clean"])
    rows: list[dict[str, Any]] = []
    files = [Model(path, cards.read(path), None) for path in (asked.model, asked.reference)]
    timed = latency.measure(files, 10.0).rows
    with tempfile.TemporaryDirectory() as folder:
        labels = Path(folder) / "labels.txt"  # a file with a card has its own
        labels.write_text("\n".join(cache.labels))
        for model, timing in zip(files, timed, strict=True):
            row: dict[str, Any] = {"file": model.path.name, "file_bytes": model.path.stat().st_size}
            for name, images in sources.items():
                data = Labeled(cache.labels, images, cache.targets("test"), "test", 0)
                scores = evaluate.score_images(
                    model.path, data, NO_OVERRIDES if model.card else Overrides(labels=labels)
                )
                row[name] = vars(evaluate.accuracy(scores, data.targets))
            rows.append({**row, "p50_ms": timing.p50_ms, "samples": timing.n})
    ours, theirs = (row.p50_by_process_ms for row in timed)
    ratio = stats.geometric_center([mine / other for mine, other in zip(ours, theirs, strict=True) if mine and other])
    assert ratio is not None, "ten seconds hold six processes"
    command = f"python -m experiments.cifar10 {asked.model} {asked.reference.name}"
    interval = ratio.low, ratio.high
    write("cifar10", rows, command, ratio_p50=ratio.middle, ratio_interval=interval, jpeg_quality=QUALITY)


if __name__ == "__main__":
    main()
