"""Order statistics of latency samples."""

from collections.abc import Sequence

import numpy as np


def percentile(samples: Sequence[float], q: float) -> float:
    """The q-th percentile, 0..100, by linear interpolation between the two nearest samples (numpy's default)."""
    return float(np.percentile(np.asarray(samples), q))
