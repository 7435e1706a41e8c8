"""Which cases are worth having: none is both faster and more often right."""

from collections.abc import Sequence

Pair = tuple[float, float]


def front(points: Sequence[tuple[float | None, float | None]]) -> list[int]:
    """The places of the points (cost, gain) that no other dominates, by rising cost and then by place.

    One dominates another when it costs no more, gains no less, and differs. Equal points stay together; a point of
    which either is None is on no front.
    """
    whole = [(cost, -gain, place) for place, (cost, gain) in enumerate(points) if cost is not None and gain is not None]
    kept: list[tuple[float, float, int]] = []
    for point in sorted(whole):
        if not kept or point[1] < kept[-1][1] or point[:2] == kept[-1][:2]:
            kept.append(point)
    return [place for _, _, place in kept]


def beaten(intervals: Sequence[tuple[Pair | None, Pair | None]]) -> list[int]:
    """The places of the points ((low, high) of cost, of gain) that another certainly beats in both.

    Its intervals lie wholly on the better side of theirs. A point of which either isn't known beats none and is beaten
    by none.
    """
    return [place for place, point in enumerate(intervals) if any(_beats(other, point) for other in intervals)]


def _beats(other: tuple[Pair | None, Pair | None], point: tuple[Pair | None, Pair | None]) -> bool:
    (their_cost, their_gain), (cost, gain) = other, point
    if their_cost is None or their_gain is None or cost is None or gain is None:
        return False
    return their_cost[1] < cost[0] and their_gain[0] > gain[1]
