"""MLPerf Tiny's own Keras file, exported as anyone's model, against the int8 file that comes with it.

    python -m experiments.anyone pretrainedResnet.h5 pretrainedResnet_quant.tflite        nothing else may run

Both files: https://github.com/mlcommons/tiny. Accuracy on the 10,000 test images of CIFAR-10, latency in one run,
interleaved. Calibrated with 200 of its training images. Writes results/anyone.json.
"""

import argparse
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.documents.models import Model
from benchmarks.measure import latency
from device.data.folders import Cache, Labeled
from device.evaluation import evaluate
from device.evaluation.paired import Paired
from device.images import images
from device.inference.overrides import Overrides
from device.model import card as cards
from experiments.cached import cached
from experiments.record import write
from export.exporting import export

# Of each label, for calibration to draw from.
TRAINING_IMAGES = 100
SECONDS = 10.0


def write_folder(cache: Cache, root: Path) -> Path:
    """Class folders of PNG files, which lose nothing."""
    for split, most in (("train", TRAINING_IMAGES), ("test", None)):
        targets = cache.targets(split)
        for place, label in enumerate(cache.labels):
            folder = root / split / label
            folder.mkdir(parents=True)
            for row in np.flatnonzero(targets == place)[:most]:
                (folder / f"{row:05}.png").write_bytes(images.encode_png(np.asarray(cache.images(split)[row])))
    return root


def scores(path: Path, cache: Cache, labels: Path) -> npt.NDArray[np.float32]:
    """Scores of the 10,000 test images, n x labels. labels: a file of them, for a model without a card."""
    data = Labeled(cache.labels, cache.images("test"), cache.targets("test"), "test", 0)
    return evaluate.score_images(path, data, Overrides() if cards.read(path) else Overrides(labels=labels))


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("model", type=Path)
    options.add_argument("reference", type=Path)
    asked = options.parse_args()
    cache = cached("cifar10", 32)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        labels = folder / "labels.txt"
        labels.write_text("\n".join(cache.labels))
        data = write_folder(cache, folder / "cifar10")
        made = export(asked.model, overrides=Overrides(labels, 0.0, 1.0), calibration=data, run=folder / "run")
        rows, ratio, drop = compared([*(made[one].path for one in made), asked.reference], cache, labels)
    for row, variant in zip(rows, made.record.variants, strict=False):
        row["agreement"] = variant.agreement  # with Keras
    command = f"python -m experiments.anyone {asked.model.name} {asked.reference.name}"
    write("anyone", rows, command, ratio_p50=ratio, drop_to_reference=drop.drop, drop_interval=drop.interval)


def compared(files: list[Path], cache: Cache, labels: Path) -> tuple[list[dict[str, Any]], float, Paired]:
    """A row a file; of the last two, int8 and the reference, the ratio of their times and what int8 loses."""
    timed = latency.measure([Model(path, cards.read(path), None) for path in files], SECONDS).rows
    targets, found = cache.targets("test"), [scores(path, cache, labels) for path in files]
    rows = [
        {
            "file": path.name,
            "file_bytes": path.stat().st_size,
            "p50_ms": timing.p50_ms,
            "samples": timing.n,
            **vars(evaluate.accuracy(one, targets)),
        }
        for path, timing, one in zip(files, timed, found, strict=True)
    ]
    int8, reference = (one.argmax(axis=1) == targets for one in found[-2:])
    return rows, rows[-2]["p50_ms"] / rows[-1]["p50_ms"], Paired.of(reference, int8)


if __name__ == "__main__":
    main()
