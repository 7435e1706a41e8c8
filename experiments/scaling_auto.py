"""How often `export --scaling auto` names the scaling that a network takes, at 20, 50 and 200 images.

    python -m experiments.scaling_auto --resnet pretrainedResnet.tflite [--run RUN]

Networks that take pixels 0..255: MLPerf Tiny's ResNet-8 (float, on CIFAR-10's test images, whose cache is there), and
the exported float32 of RUN (a frozen backbone on photographs). Of each, five that take one of the usual scalings: in
front of it that scaling is undone. Of the images random ones are drawn again and again, as many of each label. Adds to
results/scaling_auto.json.
"""

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from device.data.folders import Labeled
from device.inference.overrides import Overrides
from device.model import card, channels
from device.model.card import InputSpec
from device.model.channels import SCALINGS, PixelScaling
from experiments.cached import cached
from experiments.record import RESULTS, read, write
from export.conversion import pixels
from export.source import scaling
from export.source.calibration import balanced_rows
from export.source.find import find
from export.source.request import ExportRequest

COUNTS, DRAWS, SEED = (20, 50, 200), 200, 1
CIFAR10_IMAGES, PHOTOGRAPHS = 2000, 400


@dataclass(frozen=True)
class Subject:
    """A network that takes pixels, with labeled images."""

    name: str
    float32: bytes
    images: Labeled


def resnet(path: Path) -> Subject:
    """MLPerf Tiny's network with 2,000 test images of CIFAR-10. path: its float .tflite."""
    cache = cached("cifar10", 32)
    rows = np.random.default_rng(SEED).permutation(len(cache.targets("test")))[:CIFAR10_IMAGES]
    images = Labeled(cache.labels, cache.images("test")[rows], cache.targets("test")[rows], "test", 0)
    return Subject("ResNet-8, CIFAR-10", path.read_bytes(), images)


def exported(run: Path) -> Subject:
    """A run's exported float32 file with 400 of its test images."""
    source = find(ExportRequest(run))
    network = card.network_bytes(source.folder / "export" / f"{source.name}_float32.tflite")
    test = source.test
    assert test is not None and isinstance(test.sources, np.ndarray)
    rows = np.random.default_rng(SEED).permutation(len(test))[:PHOTOGRAPHS]
    images = Labeled(test.labels, test.sources[rows], test.targets[rows], test.split, 0)
    return Subject(f"MobileNetV2, {source.name}", network, images)


def taking(network: bytes, named: PixelScaling) -> bytes:
    """The network with the scaling undone in front of it: std x + mean, in RGB."""
    mean, std = (np.array(channels.each(value)) for value in (named.mean, named.std))
    step = 1 if named.color == "RGB" else -1
    # Where one number would do, three nearly alike, so that they go inside.
    undone = InputSpec(1, 1, named.color, mean=_three((-mean / std)[::step]), std=_three((1 / std)[::step]))
    return pixels._with_scaling_inside(network, undone)


def _three(numbers: Any) -> channels.Channels:
    red, green, blue = map(float, numbers)
    return red, green, blue


def study(subject: Subject) -> Iterator[dict[str, Any]]:
    """A row a scaling and number of images: of 200 draws how many named the right one, another one, and none."""
    for name, named in SCALINGS.items():
        network, random = taking(subject.float32, named), np.random.default_rng(SEED)
        right = scaling.trials(network, subject.images, Overrides(scaling="0..255"))
        everything = np.arange(len(subject.images))
        for n in COUNTS:
            seeds = random.integers(0, 2**31, DRAWS)
            drawn = [balanced_rows(subject.images.targets, everything, n, int(seed)) for seed in seeds]
            found = [scaling.judged({key: rows[draw] for key, rows in right.items()}, "test") for draw in drawn]
            yield {
                "network": subject.name,
                "scaling": name,
                "n": n,
                "draws": DRAWS,
                "right": sum(one.is_certain and one.scaling == name for one in found),
                "wrong": sum(one.is_certain and one.scaling != name for one in found),
                "accuracies": {key: float(rows.mean()) for key, rows in right.items()},
            }


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--resnet", type=Path, metavar="FILE.tflite")
    options.add_argument("--run", type=Path, metavar="RUN")
    given = options.parse_args()
    before = read("scaling_auto")["results"] if (RESULTS / "scaling_auto.json").exists() else []
    rows = {(row["network"], row["scaling"], row["n"]): row for row in before}
    for path, make in ((given.resnet, resnet), (given.run, exported)):
        for row in study(make(path)) if path else ():
            print(row, flush=True)
            rows[row["network"], row["scaling"], row["n"]] = row
    write("scaling_auto", list(rows.values()), "python -m experiments.scaling_auto …", seed=SEED)


if __name__ == "__main__":
    main()
