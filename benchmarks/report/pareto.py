"""Which cases are worth having: none is both faster and more often right."""

from collections.abc import Sequence


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
