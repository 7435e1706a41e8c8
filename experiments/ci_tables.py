"""The table of docs/ci.md, computed from what the gate itself does with right and wrong answers."""

from bisect import bisect_left
from math import sqrt

from benchmarks.gate import drop
from experiments.markdown import markdown

# Points that may be lost, and of how many pictures in a hundred the two models judge differently.
LIMITS = (0.5, 1.0, 2.0)
DIFFERING = (1, 2, 5)
MOST = 100_000
# Of a normal distribution: what 95 in 100 stay below.
Z95_ONE_SIDED = 1.645


def pictures_for_a_limit() -> list[str]:
    """How many pictures let 95 of 100 candidates pass that in truth lose nothing."""
    rows = [
        [f"{share} in 100", *(f"{pictures(share / 100, limit / 100):,}" for limit in LIMITS)] for share in DIFFERING
    ]
    header = ("answers that differ", *(f"`--max-drop {limit:g}`" for limit in LIMITS))
    return markdown(header, rows)


def pictures(differing: float, most: float) -> int:
    """The smallest number, rounded up to two digits, at which an unlucky equal candidate still passes."""
    least = bisect_left(range(MOST), True, lo=10, key=lambda count: passes(count, differing, most))
    digits: int = 10 ** (len(str(least)) - 2)
    return -(-least // digits) * digits


def passes(count: int, differing: float, most: float) -> bool:
    """Whether a candidate passes that loses by chance what only five in a hundred equal ones would lose.

    Of k pictures that the two judge differently an equal candidate loses and wins k/2; the difference is spread by the
    root of k.
    """
    changed = differing * count
    lost = round((changed + Z95_ONE_SIDED * sqrt(changed)) / 2)
    won = max(0, round(changed) - lost)
    base = {str(number): number >= won for number in range(count)}
    candidate = {str(number): number < count - lost for number in range(count)}
    return drop.judge(base, candidate, most).answer == "no regression"
