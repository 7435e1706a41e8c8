"""Does a variant lose more accuracy than is allowed? Yes, no, or the images are too few to tell."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from device import command, text
from device.evaluation import by_label, needed
from device.evaluation.cost_table import FLOAT32, SHARED
from device.evaluation.exports import RESCUED, Export, ExportedVariant

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


def of_export(made: Export, max_drop: float) -> list[LimitVerdict]:
    """Each variant's that was kept but float32; after a rescue the chosen file's alone, which is what was asked for."""
    if made.rescue is None:
        return judge(made.variants, max_drop)
    if (chosen := made.chosen) is None:
        return [LimitVerdict(RESCUED, False, "the file that the rescue chose is not sound and was not kept")]
    verdict = _verdict(chosen, max_drop)
    return [replace(verdict, reason=f"{verdict.reason}; {SHARED}") if made.rescue.shares_images else verdict]


def judge(rows: Sequence[ExportedVariant], max_drop: float) -> list[LimitVerdict]:
    """Each variant that was kept but float32, by its paired drop's 95 % interval. max_drop: 0.005 is half a point."""
    return [_verdict(row, max_drop) for row in rows if row.file and row.variant != FLOAT32]


def _verdict(row: ExportedVariant, max_drop: float) -> LimitVerdict:
    cost, limit = row.cost, text.limit(max_drop)
    if cost is None or cost.pairs is None:
        return LimitVerdict(row.variant, None, f"there are no labeled test images; {limit}; give some: --test DIR")
    said = f"{text.points(cost.drop, cost.drop_interval, unit=' points')} lost on {cost.n} images; {limit}"
    is_inside = by_label.is_allowed(cost.pairs, row.by_label, max_drop)
    advice = needed.advice(cost.pairs, max_drop) if is_inside is None else None
    reasons = by_label.losses(row.by_label, max_drop), said, advice
    return LimitVerdict(row.variant, is_inside, "; ".join(filter(None, reasons)))


def is_within(verdicts: Sequence[LimitVerdict]) -> bool | None:
    """Of all together: False where one is beyond the limit, None where one can't be told."""
    answers = {verdict.is_within for verdict in verdicts}
    return False if False in answers else None if None in answers else True
