"""Does a variant lose more accuracy than is allowed? Yes, no, or the images are too few to tell."""

from collections.abc import Sequence
from dataclasses import dataclass

from device import command, text
from device.evaluation import needed
from device.evaluation.cost_table import FLOAT32
from device.evaluation.exports import ExportedVariant, Rescue

# Of what is within the limit, beyond it, or can't be told.
EXIT_CODES = {True: command.GOOD, False: command.FAILED, None: command.INCONCLUSIVE}


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


def within(interval: tuple[float, float] | None, max_drop: float) -> bool | None:
    """Whether a drop with this interval is inside the limit for certain; None where it can't be told."""
    if interval is None:
        return None
    low, high = interval
    return False if low > max_drop else True if high <= max_drop else None


def _of_rescue(row: Rescue, max_drop: float) -> LimitVerdict:
    reason = f"as it was rescued; {text.limit(max_drop)}"
    return LimitVerdict("int8", within(row.comparison.drop_interval, max_drop), reason)


def _verdict(row: ExportedVariant, max_drop: float) -> LimitVerdict:
    limit = text.limit(max_drop)
    cost = row.cost
    if cost is None or cost.pairs is None:
        return LimitVerdict(row.variant, None, f"there are no labeled test images; {limit}; give some: --test DIR")
    said = f"{text.points(cost.drop, cost.drop_interval, unit=' points')} lost on {cost.n} images; {limit}"
    is_inside = within(cost.pairs.interval, max_drop)
    advice = needed.advice(cost.pairs, max_drop) if is_inside is None else None
    return LimitVerdict(row.variant, is_inside, "; ".join(filter(None, (said, advice))))


def is_within(verdicts: Sequence[LimitVerdict]) -> bool | None:
    """Of all together: False where one is beyond the limit, None where one can't be told."""
    answers = {verdict.is_within for verdict in verdicts}
    return False if False in answers else None if None in answers else True
