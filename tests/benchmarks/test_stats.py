"""Order statistics, by hand."""

import random
import statistics

import pytest

from benchmarks import stats


@pytest.mark.parametrize(
    ("samples", "q", "value"),
    [
        ([5.0], 50, 5.0),
        ([1.0, 3.0], 50, 2.0),
        ([3.0, 1.0, 2.0], 50, 2.0),
        ([1.0, 2.0, 3.0, 4.0, 5.0], 90, 4.6),
        ([*map(float, range(101))], 99, 99.0),
        ([1.0, 1.0, 1.0, 100.0], 50, 1.0),
        ([0.0, 10.0], 0, 0.0),
        ([0.0, 10.0], 100, 10.0),
    ],
)
def test_percentiles(samples: list[float], q: float, value: float) -> None:
    assert stats.percentile(samples, q) == pytest.approx(value)


def test_many_samples_beside_the_standard_library() -> None:
    dice = random.Random(1)
    samples = [dice.expovariate(1) for _ in range(1001)]
    quantiles = statistics.quantiles(samples, n=100, method="inclusive")
    for q in (50, 90, 99):
        assert stats.percentile(samples, q) == pytest.approx(quantiles[q - 1], abs=1e-12)
