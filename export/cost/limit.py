"""Does a variant lose more accuracy than is allowed? Yes, no, or the images are too few to tell."""

from collections.abc import Sequence
from dataclasses import dataclass

from device.evaluation import needed
from device.evaluation.cost import QuantizationCost
from device.evaluation.cost_table import FLOAT32
from device.evaluation.exports import ExportedVariant, Rescue


@dataclass(frozen=True)
class LimitVerdict:
    """is_within: None where it can't be told. reason: in words."""

    variant: str
    is_within: bool | None
    reason: str

    def __str__(self) -> str:
        answer = {True: "within the limit", False: "beyond the limit", None: "can't tell"}[self.is_within]
        return f"{self.variant}: {answer}: {self.reason}"


def judge(rows: Sequence[ExportedVariant | Rescue], max_drop: float) -> list[LimitVerdict]:
    """Each variant that was kept but float32, by its paired drop's 95 % interval. max_drop: 0.005 is half a point."""
    return [
        _of_rescue(row, max_drop) if isinstance(row, Rescue) else _verdict(row, max_drop)
        for row in rows
        if row.file and (isinstance(row, Rescue) or row.variant != FLOAT32)
    ]


def _of_rescue(row: Rescue, max_drop: float) -> LimitVerdict:
    ends = row.comparison.drop_interval
    is_within = None if ends is None or ends[0] <= max_drop < ends[1] else ends[1] <= max_drop
    return LimitVerdict("int8", is_within, f"as it was rescued; --max-drop is {100 * max_drop:g}")


def _verdict(row: ExportedVariant, max_drop: float) -> LimitVerdict:
    limit = f"--max-drop is {100 * max_drop:g}"
    cost = row.cost
    if cost is None or cost.pairs is None:
        return LimitVerdict(row.variant, None, f"there are no labeled test images; {limit}; give some: --test DIR")
    low, high = cost.pairs.interval
    said = f"{_points(cost)} lost on {cost.n} images; {limit}"
    if low > max_drop:
        return LimitVerdict(row.variant, False, said)
    if high <= max_drop:
        return LimitVerdict(row.variant, True, said)
    advice = needed.advice(cost.pairs, max_drop)
    return LimitVerdict(row.variant, None, "; ".join(filter(None, (said, advice))))


def _points(cost: QuantizationCost) -> str:
    assert cost.drop is not None and cost.drop_interval is not None
    low, high = (100 * end for end in cost.drop_interval)
    return f"{100 * cost.drop:.2f} points ({low:.2f} to {high:.2f})"


def is_within(verdicts: Sequence[LimitVerdict]) -> bool | None:
    """Of all together: False where one is beyond the limit, None where one can't be told."""
    answers = {verdict.is_within for verdict in verdicts}
    return False if False in answers else None if None in answers else True
