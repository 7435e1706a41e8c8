"""Does a variant lose more accuracy than is allowed? Yes, no, or the images are too few to tell."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from device import command, text
from device.evaluation import by_label, needed
from device.evaluation.by_label import ByLabel
from device.evaluation.cost import QuantizationCost
from device.evaluation.cost_table import FLOAT32, SHARED
from device.evaluation.exports import PLAIN, RESCUED, Export, ExportedVariant, Rescue

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
    """Each variant's that was kept; after a rescue that of the file it chose alone."""
    if made.rescue is None:
        return judge(made.variants, max_drop)
    plain = next(row for row in made.variants if row.variant == "int8")
    return [_of_rescue(made.rescue, plain, max_drop)]


def judge(rows: Sequence[ExportedVariant], max_drop: float) -> list[LimitVerdict]:
    """Each variant that was kept but float32, by its paired drop's 95 % interval. max_drop: 0.005 is half a point.

    As in benchmarks' gate, a label whose own loss is beyond chance and certainly above the limit is beyond it too: the
    images of a rare label are too few to show in the drop over all.
    """
    kept = [row for row in rows if row.file and row.variant != FLOAT32]
    return [_verdict(row.variant, row.cost, row.by_label, max_drop) for row in kept]


def _of_rescue(done: Rescue, plain: ExportedVariant, max_drop: float) -> LimitVerdict:
    if done.file is None and (done.chosen != PLAIN or plain.file is None):
        return LimitVerdict(RESCUED, False, "the file that the rescue chose is not sound and was not kept")
    variant = "int8" if done.file is None else RESCUED
    verdict = _verdict(variant, done.cost, done.comparison.by_label, max_drop)
    return replace(verdict, reason=f"{verdict.reason}; {SHARED}") if done.shares_images else verdict


def _verdict(variant: str, cost: QuantizationCost | None, paired: ByLabel | None, max_drop: float) -> LimitVerdict:
    limit = text.limit(max_drop)
    if cost is None or cost.pairs is None:
        return LimitVerdict(variant, None, f"there are no labeled test images; {limit}; give some: --test DIR")
    said = f"{text.points(cost.drop, cost.drop_interval, unit=' points')} lost on {cost.n} images; {limit}"
    lost = [f"{row.said()}, beyond chance" for row in by_label.beyond(paired, max_drop)]
    low, high = cost.pairs.interval
    is_inside = False if lost or low > max_drop else True if high <= max_drop else None
    advice = needed.advice(cost.pairs, max_drop) if is_inside is None else None
    reasons = text.some(lost, between="; "), said, advice
    return LimitVerdict(variant, is_inside, "; ".join(filter(None, reasons)))


def is_within(verdicts: Sequence[LimitVerdict]) -> bool | None:
    """Of all together: False where one is beyond the limit, None where one can't be told."""
    answers = {verdict.is_within for verdict in verdicts}
    return False if False in answers else None if None in answers else True
