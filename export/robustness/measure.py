"""float32 and int8 on the same corrupted test images, and what int8 loses there beside what it loses on clean ones."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from device.data.folders import Labeled
from device.evaluation import batching, evaluate
from device.evaluation.paired import Paired
from device.evaluation.robustness import CorruptedAccuracy, Robustness
from device.host import system
from device.images import images
from device.images.images import Pixels
from device.inference import ordered
from device.inference.classifier import Classifier
from device.model.card import InputSpec
from export.robustness.corruptions import CORRUPTIONS, benchmark_for, strength

# At most that many images, each with every corruption in these severities.
MOST, SEVERITIES = 500, (1, 3, 5)
CLEAN = "none"
# Larger source images are corrupted at this many times the network's side: more would cost time and show the same.
LARGEST = 2.0

Right = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Pair:
    """The two files, for one thread."""

    float32: Classifier
    int8: Classifier


def measure(
    float32: Path, int8: Path, data: Labeled, seed: int, progress: Callable[[int], Any] = lambda count: None
) -> Robustness:
    """data: labeled test images, at least two. The seed draws which of them count, and what each corruption draws."""
    rows = np.sort(np.random.default_rng(seed).permutation(len(data))[:MOST])
    spec = Classifier(float32).card.input

    def work(pair: Pair, row: int) -> tuple[Right, float]:
        return _asked(pair, data, row, seed)

    def make() -> Pair:
        return Pair(Classifier(float32), Classifier(int8))

    found: list[Right] = []
    scale = 1.0
    for right, by in ordered.in_order(work, rows.tolist(), make, system.usable_cores()):
        found.append(right)
        scale = max(scale, by)
        batching.let_go(data.sources)
        progress(1)
    return _summed(np.stack(found), data.split, seed, spec, scale)


def settings() -> list[tuple[str, int]]:
    """Corruption and severity, in the order of the rows."""
    return [(name, severity) for name in CORRUPTIONS for severity in SEVERITIES]


def _asked(pair: Pair, data: Labeled, row: int, seed: int) -> tuple[Right, float]:
    """[2, 1 + settings]: whether float32 and int8 are right about a clean image, and about it with each corruption.

    And how much larger than the network's input it was when it was corrupted.
    """
    image, target = data.image(row), int(data.targets[row])
    at_hand, scale = staged(image, pair.float32.card.input)
    shown = [image, *(corrupted(at_hand, pair.float32.size, each, (seed, row)) for each in settings())]
    both = [
        [int(classifier.classify(each).scores.argmax()) == target for each in shown]
        for classifier in (pair.float32, pair.int8)
    ]
    return np.array(both), scale


def staged(image: Pixels, spec: InputSpec) -> tuple[Pixels, float]:
    """The part of the image that the network sees, at the image's own resolution up to LARGEST times the input."""
    sides = image.shape[0] / spec.height, image.shape[1] / spec.width
    scale = min(LARGEST, max(1.0, max(sides) if spec.fit == "pad" else min(sides)))
    return images.preprocess(image, (round(spec.height * scale), round(spec.width * scale)), spec.fit), scale


def corrupted(image: Pixels, size: tuple[int, int], setting: tuple[str, int], seed: tuple[int, int]) -> Pixels:
    """size: the network's. The same for every file, and whichever images are measured beside it."""
    name, severity = setting
    random = np.random.default_rng([*seed, list(CORRUPTIONS).index(name), severity])
    return CORRUPTIONS[name](image, strength(severity, min(size), min(image.shape[:2])), random)


def _summed(right: npt.NDArray[np.bool_], split: str, seed: int, spec: InputSpec, scale: float) -> Robustness:
    """right: [images, 2, 1 + settings]."""
    lost = right[:, 0].astype(float) - right[:, 1]
    corrupted_alone = lost[:, 1:].mean(axis=1)
    drop, drop_interval = evaluate.mean(corrupted_alone)
    more, more_interval = evaluate.mean(corrupted_alone - lost[:, 0])
    every = [(CLEAN, 0), *settings()]
    clean, *rows = (_row(name, severity, *right[:, :, i].T) for i, (name, severity) in enumerate(every))
    of = benchmark_for(min(spec.height, spec.width))
    return Robustness(
        split, len(right), seed, of.name, scale, clean, tuple(rows), drop, drop_interval, more, more_interval
    )


def _row(name: str, severity: int, float32: Right, int8: Right) -> CorruptedAccuracy:
    n, pairs = len(float32), Paired.of(float32, int8)
    first, second = int(float32.sum()), int(int8.sum())
    return CorruptedAccuracy(
        name,
        severity,
        n,
        first / n,
        evaluate.wilson(first, n),
        second / n,
        evaluate.wilson(second, n),
        pairs.drop,
        pairs.interval,
    )
