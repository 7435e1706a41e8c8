"""How many images are needed for a candidate that loses nothing to pass."""

from bisect import bisect_left
from math import sqrt

from device.evaluation.evaluate import Z95, wilson
from device.evaluation.paired import Paired, bounds, is_within

# Nobody has that many.
MOST = 1_000_000
# The 95th percentile of the normal distribution.
Z95_ONE_SIDED = 1.645


def images(differing: float, most: float) -> int:
    """The least number, rounded up to two digits, with which 95 of 100 candidates that lose nothing pass; at most about
    `MOST`.

    differing: the share of images that only base or candidate gets right, 0..1. most: 0.01 for one point.
    """
    least = bisect_left(range(MOST), True, lo=10, key=lambda count: _passes(count, differing, most))
    digits: int = 10 ** (len(str(least)) - 2)
    return -(-least // digits) * digits


def _passes(count: int, differing: float, most: float) -> bool:
    """Whether a candidate passes that loses, by chance, more than 95 of 100 equal ones.

    Of k images that differ, an equal candidate loses and wins k/2 each; the standard deviation of the difference is the
    root of k.
    """
    changed = differing * count
    lost = min(changed, (changed + Z95_ONE_SIDED * sqrt(changed)) / 2)
    return is_within(bounds(count, lost, changed - lost, Z95), most) is True


def span(pairs: Paired, most: float) -> tuple[int, int]:
    """The range of that number with 95 % confidence, given how many of these pairs differ."""
    low, high = (images(share, most) for share in wilson(pairs.lost + pairs.won, pairs.n))
    return low, high


def advice(pairs: Paired, most: float) -> str:
    """Advice on an inconclusive result; '' if nobody has that many images."""
    low, high = span(pairs, most)
    if pairs.n >= high:
        return "it loses about as much as the limit allows, so more images may not decide it"
    if low >= MOST:
        return ""
    enough = f"up to {high:,}" if low <= pairs.n else f"{low:,} to {high:,}"
    return f"a candidate that loses nothing needs {enough} images to pass"
