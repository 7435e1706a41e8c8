"""Clips the ranges of activations: leaves out rare numbers, so that common ones are rounded more finely.

By percentile, or where rounding and clipping together have the least squared error (J. Choukroun et al., Low-bit
Quantization of Neural Networks for Efficient Inference, 2019, https://arxiv.org/abs/1902.06822). And ranges that leave
out what makes no difference: a hard-swish is 0 for all numbers below -3.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from ai_edge_litert import schema_py_generated as schema

from export.checks.fidelity import Graph
from export.conversion import objects
from export.rescue.activations import Spread, Tensor, computed

BINS = 2048
STEPS = 255
# Of the numbers, how many are cut off at either end.
OUTSIDE = 1e-4
# Shares of the whole range that are tried.
SHARES = np.linspace(0.2, 1.0, 65)
# What these operators make of any number outside they make of the nearer end.
OPERATOR = schema.BuiltinOperator
SATURATING = {
    OPERATOR.HARD_SWISH: (-3.0, np.inf),
    OPERATOR.RELU: (0.0, np.inf),
    OPERATOR.RELU6: (0.0, 6.0),
}

Range = tuple[float, float]


@dataclass(frozen=True)
class Histogram:
    """A histogram: the count of numbers in each of BINS equal parts of a range."""

    low: float
    high: float
    counts: npt.NDArray[np.int64]

    @property
    def centers(self) -> npt.NDArray[np.float64]:
        width = (self.high - self.low) / BINS
        return np.asarray(self.low + width * (np.arange(BINS) + 0.5), np.float64)


def histograms(float32: bytes, inputs: Iterable[Tensor], spreads: Mapping[str, Spread]) -> dict[str, Histogram]:
    """The histogram of every tensor whose numbers differ."""
    whole = {name: spread.range for name, spread in spreads.items()}
    counts = {name: np.zeros(BINS, np.int64) for name, (low, high) in whole.items() if low < high}
    for numbers in computed(float32, inputs):
        for name, found in counts.items():
            low, high = whole[name]
            places = ((numbers[name].reshape(-1) - low) * (BINS / (high - low))).astype(np.int64)
            found += np.bincount(np.clip(places, 0, BINS - 1), minlength=BINS)
    return {name: Histogram(*whole[name], found) for name, found in counts.items()}


def by_percentile(seen: Histogram, outside: float = OUTSIDE) -> Range:
    """The range without the share `outside` of the numbers at either end; zero stays inside."""
    share = np.cumsum(seen.counts) / seen.counts.sum()
    edges = np.linspace(seen.low, seen.high, BINS + 1)
    low = edges[int(np.searchsorted(share, outside, side="right"))]
    high = edges[int(np.searchsorted(share, 1 - outside)) + 1]
    return min(0.0, float(low)), max(0.0, float(high))


def by_error(seen: Histogram) -> Range:
    """The shares of both ends at which 8-bit values have the least squared error."""
    lows = SHARES * min(0.0, seen.low) if seen.low < 0 else np.zeros(1)
    highs = SHARES * max(0.0, seen.high) if seen.high > 0 else np.zeros(1)
    # The further end is cut first: it decides the step. Then the other, given that one.
    low, high = min(0.0, seen.low), max(0.0, seen.high)
    for _ in range(2):
        high = float(min(highs, key=lambda end: _error(seen, low, end)))
        low = float(min(lows, key=lambda end: _error(seen, end, high)))
    return low, high


def _error(seen: Histogram, low: float, high: float) -> float:
    """The squared error of all numbers: a twelfth of a squared step inside the range, the squared distance outside."""
    if not low < high:
        return np.inf
    centers = seen.centers
    outside = np.maximum(np.maximum(low - centers, centers - high), 0.0)
    inside = seen.counts[(outside == 0) & (centers != 0)].sum()
    return float((seen.counts * outside**2).sum() + inside * ((high - low) / STEPS) ** 2 / 12)


def saturated(ranges: Mapping[str, Range], float32: bytes) -> dict[str, Range]:
    """The ranges without the numbers that all operators that read them treat alike."""
    graph, found = Graph(float32), dict(ranges)
    readers: dict[int, list[Range]] = {int(index): [(-np.inf, np.inf)] for index in graph.graph.outputs}
    for operator in graph.operators:
        for index in operator.inputs:  # -1 where an optional one is missing
            readers.setdefault(int(index), []).append(SATURATING.get(graph.kind(operator), (-np.inf, np.inf)))
    for index, ends in readers.items():
        if index >= 0 and (name := objects.text(graph.graph.tensors[index].name)) in found:
            lows, highs = zip(*ends, strict=True)
            low, high = np.clip(found[name], min(lows), max(highs))
            found[name] = float(low), float(high)
    return found
