"""Of a result document's rows what the report asks for: accuracies, cases by name, and text that can be printed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass, replace
from typing import Any, TypeVar

from benchmarks.documents.rows import AccuracyRow, LatencyRow, ModelRow, Timed
from benchmarks.statistics.stats import FEWEST_FOR_P99
from device import text

T = TypeVar("T")
Pair = tuple[float, float]


def printable(value: T) -> T:
    """The same with spaces in place of what can't be printed: line breaks, signs that turn the writing round, halves of
    letters.
    """
    changed: Any = value
    if isinstance(value, str):
        changed = "".join(sign if sign.isprintable() else " " for sign in value)
    elif isinstance(value, tuple):
        changed = value if set(map(type, value)) == {float} else tuple(map(printable, value))
    elif isinstance(value, Mapping):
        changed = {name: printable(one) for name, one in value.items()}
    elif is_dataclass(value) and not isinstance(value, type):
        changed = replace(value, **{field.name: printable(getattr(value, field.name)) for field in fields(value)})
    return changed  # type: ignore[no-any-return]


@dataclass(frozen=True)
class ShownAccuracy:
    """A share of right answers, 0..1, with its interval, and the images it was taken on, in words."""

    row: AccuracyRow | LatencyRow
    top1: float
    interval: Pair
    n: int
    images: str

    def is_of(self, case: ModelRow) -> bool:
        hashes = {self.row.sha256, case.sha256} - {""}
        return len(hashes) < 2 and (self.row.file, self.row.variant) == (case.file, case.variant)

    @property
    def engine(self) -> str:
        return self.row.engine if isinstance(self.row, LatencyRow) else self.row.runtime or "-"


@dataclass(frozen=True)
class LatencyCase:
    """A latency row with the best-known accuracy of its file."""

    row: LatencyRow
    accuracy: ShownAccuracy | None


def p99_ms(latency: Timed) -> float | None:
    """None for what an older document tells of too few samples, too."""
    return latency.p99_ms if latency.n >= FEWEST_FOR_P99 else None


def measured(row: AccuracyRow) -> ShownAccuracy | None:
    return _accuracy(row, row.n, [word for word in (row.data, row.split) if word])


def of_card(row: LatencyRow) -> ShownAccuracy | None:
    """What a latency row has from the model's card."""
    return _accuracy(row, row.accuracy_n, ["as the card says", *([row.accuracy_split] if row.accuracy_split else [])])


def _accuracy(row: AccuracyRow | LatencyRow, n: int | None, words: list[str]) -> ShownAccuracy | None:
    if row.top1 is None or row.interval is None or n is None:
        return None
    return ShownAccuracy(row, row.top1, row.interval, n, ", ".join([*words, f"{n} images"]))


def names(rows: Sequence[LatencyRow], brief: bool = False) -> list[str]:
    """What tells the cases apart in a chart, and no more: `int8`, or `int8, 2 threads` (brief: 2T) beside others."""
    models = len({row.model for row in rows}) > 1
    threads = len({row.threads for row in rows}) > 1
    engines = {row.engine for row in rows if row.p50_ms}
    # The version is told where one runtime stands there in two of them.
    versions = len(engines) > len({row.runtime for row in rows if row.p50_ms})
    made = []
    for row in rows:
        variant, count = row.variant, row.threads
        parts = [" ".join(([row.model] if models or not variant else []) + ([variant] if variant else []))]
        parts += [f"{count}T" if brief else text.count(count, "thread")] if threads else []
        parts += [row.engine if versions else row.runtime or row.engine] if len(engines) > 1 else []
        made.append(", ".join(parts))
    return unique(made)


def unique(names: Sequence[str]) -> list[str]:
    """The second of the same name becomes `name (2)`."""
    before = [names[:place].count(name) for place, name in enumerate(names)]
    return [f"{name} ({count + 1})" if count else name for name, count in zip(names, before, strict=True)]
