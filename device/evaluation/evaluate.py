"""A model file over labeled images: every score, the accuracy with its interval, and the share of each class."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from device.data.folders import Labeled
from device.evaluation import batching
from device.host import system
from device.inference import ordered
from device.inference.classifier import Classifier
from device.inference.overrides import NO_OVERRIDES, Overrides
from device.inference.prediction import Scores

Z95 = 1.959963984540054  # two-sided 95 % of the normal distribution


def wilson(right: int, n: int, z: float = Z95) -> tuple[float, float]:
    """The 95 % interval of a share, `right` of n (E. B. Wilson, JASA 22, 1927); (0, 1) if n is 0.

    z: the normal distribution's quantile, for another interval.
    """
    if n == 0:
        return 0.0, 1.0
    share, z2 = right / n, z**2
    center = (share + z2 / (2 * n)) / (1 + z2 / n)
    half = z * math.sqrt(share * (1 - share) / n + z2 / (4 * n * n)) / (1 + z2 / n)
    return max(0.0, center - half), min(1.0, center + half)


def mean(numbers: npt.NDArray[np.float64]) -> tuple[float, tuple[float, float]]:
    """The mean of at least two numbers, such as one per image, with its 95 % interval by the normal distribution."""
    middle, half = float(numbers.mean()), Z95 * float(numbers.std(ddof=1)) / math.sqrt(len(numbers))
    return middle, (middle - half, middle + half)


def score_images(
    path: Path,
    data: Labeled,
    overrides: Overrides = NO_OVERRIDES,
    threads: int = 1,
    runtime_name: str | None = None,
    progress: Callable[[int], Any] = lambda count: None,
) -> npt.NDArray[np.float32]:
    """The scores of every image, [n, labels], computed as on a device, with all cores."""

    def block(classifier: Classifier, rows: range) -> Scores:
        return np.stack([classifier.classify(data.image(i)).scores for i in rows])

    step = 64
    blocks = [range(start, min(start + step, len(data))) for start in range(0, len(data), step)]
    workers = max(1, system.usable_cores() // threads)
    parts = []
    for part in ordered.in_order(block, blocks, lambda: Classifier(path, overrides, threads, runtime_name), workers):
        parts.append(part)
        batching.let_go(data.sources)
        progress(len(part))
    return np.concatenate(parts)


@dataclass(frozen=True)
class TopOne:
    """top1: the share of n images whose highest score is their label's, 0 to 1, with its 95 % Wilson interval."""

    top1: float
    n: int
    interval: tuple[float, float]


@dataclass(frozen=True)
class _OfLabel:
    label: str


@dataclass(frozen=True)
class LabelTopOne(TopOne, _OfLabel):
    """The same for the images of one label: its recall."""


def accuracy(scores: npt.NDArray[np.float32], targets: npt.NDArray[np.int64]) -> TopOne:
    """The top-1 accuracy. scores: [n, labels]; targets: [n], the labels' indices. The first of equal scores counts."""
    right = int((scores.argmax(axis=1) == targets).sum())
    return TopOne(right / len(targets), len(targets), wilson(right, len(targets)))


def per_class(
    scores: npt.NDArray[np.float32], targets: npt.NDArray[np.int64], labels: tuple[str, ...]
) -> tuple[LabelTopOne, ...]:
    """The recall of each label that has images."""
    each = ((label, targets == index) for index, label in enumerate(labels))
    return tuple(
        LabelTopOne(label, **vars(accuracy(scores[mine], targets[mine]))) for label, mine in each if mine.any()
    )


def balanced(classes: Sequence[LabelTopOne]) -> float:
    """The balanced accuracy: the mean of the labels' recalls, so that every label counts the same."""
    return float(np.mean([row.top1 for row in classes]))
