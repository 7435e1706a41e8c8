"""What `export --rescue` makes of networks that plain int8 hurts: the search on validation images, the result on test.

    python -m experiments.rescue [--rescaled RUN] [--squeeze-excite FILE.tflite] [--transfer RUN]

RUN: trained run folders whose images are in the cache. --rescaled takes a trained network and scales its channels by
random factors of up to 100 either way, which changes nothing in float32; --squeeze-excite a file that
experiments/squeeze_excite.py made; --transfer a frozen backbone with a fitted head. Adds to results/rescue.json.
"""

import argparse
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from device.data import folders
from device.data.folders import Cache, Labeled
from device.evaluation import evaluate
from device.model import card
from device.model.card import Card, Confidence, InputSpec, OutputSpec
from experiments.record import RESULTS, read, write
from export.conversion import objects
from export.rescue import equalize, rescued
from export.rescue.build import Builder
from export.rescue.judge import Judge
from export.rescue.search import search
from export.source.find import find
from export.source.request import ExportRequest
from export.source.sources import ExportSource

SEED = 1
FACTOR = 100.0
PLAIN_IMAGES, ALL_IMAGES = 200, 800


@dataclass(frozen=True)
class Subject:
    """A float network with all that a rescue needs. images: to calibrate with, the plain ones first."""

    name: str
    float32: bytes
    images: npt.NDArray[np.uint8]
    validation: Labeled
    test: Labeled
    spec: InputSpec
    max_drop: float


def rescaled(run: Path) -> Subject:
    """A run's float32 network with every channel scaled by a random factor, which changes none of its scores."""
    source = find(ExportRequest(run))
    network, random = equalize.ScalableNetwork(_float32(source)), np.random.default_rng(SEED)
    for group in network.groups():
        network.scale(group, np.exp(random.uniform(-np.log(FACTOR), np.log(FACTOR), network.width(group))))
    return _subject(f"{source.name}, channels rescaled", source, objects.packed(network.tree), 0.005)


def transfer(run: Path) -> Subject:
    """A run with a frozen backbone as it is; int8 may lose 0.7 points."""
    source = find(ExportRequest(run))
    return _subject(f"frozen backbone, {source.name}", source, _float32(source), 0.007)


def _float32(source: ExportSource) -> bytes:
    return card.network_bytes(source.folder / "export" / f"{source.name}_float32.tflite")


def _subject(name: str, source: ExportSource, float32: bytes, max_drop: float) -> Subject:
    more = [source.more.image(place) for place in range(len(source.more))]
    images = np.concatenate([source.calibration.images, np.stack(more)])
    assert source.test is not None
    return Subject(name, float32, images, source.validation, source.test, source.input, max_drop)


def squeeze_excite(path: Path) -> Subject:
    """Its data's last twelfth is validation, as it was when it was trained."""
    cache = folders.find_cache("fashion_mnist", (28, 28), "crop")
    assert cache, "make the cache with: python -m train data fashion_mnist --size 28x28"
    edge = len(cache.targets("train")) * 11 // 12
    drawn = np.random.default_rng(SEED).permutation(edge)[:ALL_IMAGES]
    images = np.asarray(cache.images("train")[drawn])
    validation = _labeled(cache, "train", np.arange(edge, len(cache.targets("train"))))
    test = _labeled(cache, "test", np.arange(len(cache.targets("test"))))
    spec = InputSpec(*cache.size, fit=cache.fit)
    return Subject("squeeze-excite, hard-swish", path.read_bytes(), images, validation, test, spec, 0.005)


def _labeled(cache: Cache, split: str, rows: npt.NDArray[np.int64]) -> Labeled:
    return Labeled(cache.labels, cache.images(split), cache.targets(split)[rows], split, 0, rows=rows)


def study(subject: Subject) -> dict[str, Any]:
    """The test images are read once, when the search is over."""
    blank = Card(
        subject.name, None, "int8", subject.test.labels, subject.spec, OutputSpec(), Confidence(), None, (), None, {}
    )
    with tempfile.TemporaryDirectory() as folder:
        builder = Builder(subject.float32, subject.images, PLAIN_IMAGES, subject.spec, OutputSpec(), {})
        start = time.monotonic()
        judge = Judge(subject.float32, subject.validation, blank, Path(folder))
        found = search(builder, judge, subject.max_drop, lambda one: print(f"  {rescued.line(one)}", flush=True))
        seconds = time.monotonic() - start
        last = Judge(subject.float32, subject.test, blank, Path(folder))
        plain, chosen = (last.paired(one.made) for one in (found.tried[0], found.chosen))
        latency = last.latency(found.chosen.made, found.tried[0].made)
    float32 = last.float32_right
    return {
        "network": subject.name,
        "max_drop": subject.max_drop,
        "validation_n": len(subject.validation),
        "n": len(subject.test),
        "float32_top1": float(float32.mean()),
        "float32_interval": evaluate.wilson(int(float32.sum()), len(float32)),
        "plain": {"drop": plain.drop, "interval": plain.interval, "network_bytes": len(found.tried[0].made)},
        "rescued": {"drop": chosen.drop, "interval": chosen.interval, "network_bytes": len(found.chosen.made)},
        "means": found.chosen.means.name,
        "latency_ratio": latency and latency.ratio,
        "seconds": seconds,
        "steps": [vars(step) for step in found.steps],
    }


def subjects(given: argparse.Namespace) -> Iterator[Subject]:
    """Those that were asked for."""
    for path, make in ((given.rescaled, rescaled), (given.squeeze_excite, squeeze_excite), (given.transfer, transfer)):
        if path:
            yield make(path)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--rescaled", type=Path, metavar="RUN")
    options.add_argument("--squeeze-excite", type=Path, metavar="FILE.tflite")
    options.add_argument("--transfer", type=Path, metavar="RUN")
    given = options.parse_args()
    rows = {row["network"]: row for row in read("rescue")["results"]} if (RESULTS / "rescue.json").exists() else {}
    for subject in subjects(given):
        print(subject.name, flush=True)
        rows[subject.name] = study(subject)
    write("rescue", list(rows.values()), "python -m experiments.rescue …", seed=SEED)


if __name__ == "__main__":
    main()
