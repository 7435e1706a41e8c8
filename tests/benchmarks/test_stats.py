"""Percentiles against Python's own statistics module."""

import random
import statistics

from benchmarks import stats


def test_percentiles_are_those_of_the_standard_library() -> None:
    source = random.Random(1)
    samples = [source.expovariate(1) for _ in range(101)]
    quantiles = statistics.quantiles(samples, n=100, method="inclusive")
    for q in (50, 90, 99):
        assert abs(stats.percentile(samples, q) - quantiles[q - 1]) < 1e-12


def test_one_sample() -> None:
    assert stats.percentile([2.0], 99) == 2.0
