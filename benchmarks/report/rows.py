"""The rows of a result document: values that are checked when they are asked for, accuracies, and cases by name."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks.stats import FEWEST_FOR_P99
from device.errors import UserError

Pair = tuple[float, float]


class Row:
    """The values of one JSON object. What isn't there counts as null; what is of another kind is a UserError."""

    def __init__(self, values: Any, where: str) -> None:
        self._values, self._where = values, where
        if not isinstance(values, dict):
            raise UserError(f"{where} is {repr(values)[:40]}, expected an object; measure anew")

    def __contains__(self, name: str) -> bool:
        return name in self._values

    def text(self, name: str) -> str | None:
        """Without what can't be printed: line breaks, signs that turn the writing round, halves of letters."""
        value = self._values.get(name)
        return None if value is None else self._printable(name, value)

    def texts(self, name: str) -> tuple[str, ...]:
        return tuple(self._printable(name, value) for value in self._list(name))

    def flag(self, name: str) -> bool:
        """False for null."""
        value = self._values.get(name)
        if not isinstance(value, bool | None):
            raise self._unfit(name, value, "true or false")
        return bool(value)

    def number(self, name: str) -> float | None:
        value = self._values.get(name)
        return None if value is None else self._number(name, value)

    def whole(self, name: str) -> int | None:
        value = self.number(name)
        return None if value is None else int(value)

    def numbers(self, name: str) -> tuple[float, ...]:
        return tuple(self._number(name, value) for value in self._list(name))

    def pair(self, name: str) -> Pair | None:
        """[low, high]"""
        values = self.numbers(name)
        if values and (len(values) != 2 or values[0] > values[1]):
            raise self._unfit(name, self._values[name], "[low, high] or null")
        return (values[0], values[1]) if values else None

    def inner(self, name: str) -> "Row":
        """An empty one for null."""
        value = self._values.get(name)
        return Row({} if value is None else value, f"{self._where}: {name}")

    def each(self, name: str) -> list["Row"]:
        return [Row(value, f"{self._where}: {name} {place}") for place, value in enumerate(self._list(name), 1)]

    def _list(self, name: str) -> list[Any]:
        value = self._values.get(name)
        if value is not None and not isinstance(value, list):
            raise self._unfit(name, value, "a list or null")
        return value or []

    def _printable(self, name: str, value: Any) -> str:
        if not isinstance(value, str):
            raise self._unfit(name, value, "text")
        return "".join(sign if sign.isprintable() else " " for sign in value)

    def _number(self, name: str, value: Any) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1e300:
            raise self._unfit(name, value, "a number from 0")
        return float(value)

    def _unfit(self, name: str, value: Any, expected: str) -> UserError:
        return UserError(f"{self._where}: {name} is {repr(value)[:40]}, expected {expected}; measure anew")

    # What every row says.

    @property
    def file(self) -> str:
        return self.text("file") or "-"

    @property
    def model(self) -> str:
        """`fashion_mnist` of fashion_mnist_int8.tflite."""
        return self.file.removesuffix(".tflite").removesuffix(f"_{self.text('variant')}")

    @property
    def engine(self) -> str:
        """`litert 2.3.0`"""
        return " ".join(part for part in (self.text("runtime"), self.text("runtime_version")) if part) or "-"


@dataclass(frozen=True)
class Accuracy:
    """A share of right answers, 0..1, with its interval, and the pictures it was taken on, in words."""

    row: Row
    top1: float
    interval: Pair
    n: int
    pictures: str

    def is_of(self, case: Row) -> bool:
        hashes = {self.row.text("sha256"), case.text("sha256")} - {None}
        return len(hashes) < 2 and (self.row.file, self.row.text("variant")) == (case.file, case.text("variant"))


@dataclass(frozen=True)
class Case:
    """A latency row with the best-known accuracy of its file."""

    row: Row
    accuracy: Accuracy | None


def p99_ms(latency: Row) -> float | None:
    """None for what an older document tells of too few samples, too."""
    return latency.number("p99_ms") if (latency.number("n") or 0) >= FEWEST_FOR_P99 else None


def measured(row: Row) -> Accuracy | None:
    """Of a row that `benchmarks accuracy` wrote."""
    words = [row.text("data"), row.text("split")]
    return _accuracy(row, row.whole("n"), [word for word in words if word])


def of_card(row: Row) -> Accuracy | None:
    """What a latency row has from the model's card."""
    split = row.text("accuracy_split")
    return _accuracy(row, row.whole("accuracy_n"), ["as the card says", *([split] if split else [])])


def _accuracy(row: Row, n: int | None, words: list[str]) -> Accuracy | None:
    top1, interval = row.number("top1"), row.pair("interval")
    if top1 is None or interval is None or n is None:
        return None
    return Accuracy(row, top1, interval, n, ", ".join([*words, f"{n} pictures"]))


def names(rows: Sequence[Row], brief: bool = False) -> list[str]:
    """What tells the cases apart in a chart, and no more: `int8`, or `int8, 2 threads` (brief: 2T) beside others."""
    models = len({row.model for row in rows}) > 1
    threads = len({row.whole("threads") for row in rows}) > 1
    engines = {row.engine for row in rows if row.number("p50_ms")}
    # The version is told where one runtime stands there in two of them.
    versions = len(engines) > len({row.text("runtime") for row in rows if row.number("p50_ms")})
    made = []
    for row in rows:
        variant, count = row.text("variant"), row.whole("threads")
        parts = [" ".join(([row.model] if models or not variant else []) + ([variant] if variant else []))]
        parts += [f"{count}T" if brief else f"{count} thread{'s' * (count != 1)}"] if threads else []
        parts += [row.engine if versions else row.text("runtime") or row.engine] if len(engines) > 1 else []
        made.append(", ".join(parts))
    return unique(made)


def unique(names: Sequence[str]) -> list[str]:
    """The second of the same name becomes `name (2)`."""
    before = [names[:place].count(name) for place, name in enumerate(names)]
    return [f"{name} ({count + 1})" if count else name for name, count in zip(names, before, strict=True)]
