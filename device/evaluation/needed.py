"""How many images it takes until a model passes an accuracy limit that in truth loses nothing."""

from bisect import bisect_left
from math import sqrt

from device.evaluation.evaluate import Z95, wilson
from device.evaluation.paired import Paired, bounds

# Nobody has so many.
MOST = 1_000_000
# Of a normal distribution: what 95 in 100 stay below.
Z95_ONE_SIDED = 1.645


def images(differing: float, most: float) -> int:
    """The smallest number, rounded up to two digits, with which 95 of 100 candidates pass that lose nothing; at most
    about `MOST`.

    differing: the share of images that base and candidate judge differently, 0..1. most: 0.01 for one point.
    """
    least = bisect_left(range(MOST), True, lo=10, key=lambda count: _passes(count, differing, most))
    digits: int = 10 ** (len(str(least)) - 2)
    return -(-least // digits) * digits


def _passes(count: int, differing: float, most: float) -> bool:
    """Whether a candidate passes that loses by chance what only five in a hundred equal ones would lose.

    Of k images that the two judge differently an equal candidate loses and wins k/2; the difference is spread by the
    root of k.
    """
    changed = differing * count
    lost = min(changed, (changed + Z95_ONE_SIDED * sqrt(changed)) / 2)
    return bounds(count, lost, changed - lost, Z95)[1] <= most


def span(pairs: Paired, most: float) -> tuple[int, int]:
    """Between how many images that number lies, with 95 % confidence, as far as these pairs tell how many differ."""
    low, high = (images(share, most) for share in wilson(pairs.lost + pairs.won, pairs.n))
    return low, high


def advice(pairs: Paired, most: float) -> str:
    """What a candidate needs that can't be told from these; '' where nobody has so many images."""
    low, high = span(pairs, most)
    if pairs.n >= high:
        return "it loses about what the limit allows, so that more images may not tell either"
    if low >= MOST:
        return ""
    enough = f"up to {high:,}" if low <= pairs.n else f"{low:,} to {high:,}"
    return f"it takes {enough} images until one that loses nothing passes"
