"""Does a variant lose more accuracy than is allowed? Yes, no, or the images are too few to tell."""

from collections.abc import Sequence
from dataclasses import dataclass

from device import command, text
from device.evaluation import by_label, needed
from device.evaluation.by_label import ByLabel
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
    """Each variant that was kept but float32, by its paired drop's 95 % interval. max_drop: 0.005 is half a point.

    As in benchmarks' gate, a label whose own loss is beyond chance and certainly above the limit is beyond it too: the
    images of a rare label are too few to show in the drop over all.
    """
    return [
        of_rescue(row, max_drop) if isinstance(row, Rescue) else _verdict(row, max_drop)
        for row in rows
        if row.file and (isinstance(row, Rescue) or row.variant != FLOAT32)
    ]


def within(interval: tuple[float, float] | None, max_drop: float) -> bool | None:
    """Whether a drop with this interval is inside the limit for certain; None where it can't be told."""
    if interval is None:
        return None
    low, high = interval
    return False if low > max_drop else True if high <= max_drop else None


def of_rescue(row: Rescue, max_drop: float) -> LimitVerdict:
    """The chosen file's, on test images."""
    lost, said = _lost_labels(row.comparison.by_label, max_drop), f"as it was rescued; {text.limit(max_drop)}"
    is_inside = False if lost else within(row.comparison.drop_interval, max_drop)
    return LimitVerdict("int8", is_inside, "; ".join(filter(None, (lost, said))))


def _verdict(row: ExportedVariant, max_drop: float) -> LimitVerdict:
    limit = text.limit(max_drop)
    cost = row.cost
    if cost is None or cost.pairs is None:
        return LimitVerdict(row.variant, None, f"there are no labeled test images; {limit}; give some: --test DIR")
    said = f"{text.points(cost.drop, cost.drop_interval, unit=' points')} lost on {cost.n} images; {limit}"
    lost = _lost_labels(row.by_label, max_drop)
    is_inside = False if lost else within(cost.pairs.interval, max_drop)
    advice = needed.advice(cost.pairs, max_drop) if is_inside is None else None
    return LimitVerdict(row.variant, is_inside, "; ".join(filter(None, (lost, said, advice))))


def _lost_labels(paired: ByLabel | None, max_drop: float) -> str:
    """In words those that are beyond the limit by themselves; '' for none."""
    return text.some([f"{row.said()}, beyond chance" for row in by_label.beyond(paired, max_drop)], between="; ")


def is_within(verdicts: Sequence[LimitVerdict]) -> bool | None:
    """Of all together: False where one is beyond the limit, None where one can't be told."""
    answers = {verdict.is_within for verdict in verdicts}
    return False if False in answers else None if None in answers else True
