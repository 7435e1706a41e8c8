"""How a model file fares in several runtimes: a row of export.json for each, and what tables say of it."""

from collections.abc import Sequence
from dataclasses import dataclass

HERE = "litert"
EXPLAINED = "agrees: the golden images have the recorded scores there; x: the time of an inference, LiteRT's being 1"


@dataclass(frozen=True)
class RuntimeResult:
    """A file in one runtime.

    failure: why it can't be used there (it isn't loaded, or its golden images have other scores); None where it can.
    score_error: the largest difference of a golden image's score from the recorded one. latency_ms: the median time of
    an inference on one thread; latency_ratio: to LiteRT's, measured in turns.
    """

    runtime: str
    version: str
    failure: str | None = None
    score_error: float | None = None
    latency_ms: float | None = None
    latency_ratio: float | None = None

    @property
    def name(self) -> str:
        return f"{self.runtime} {self.version}"


RuntimeResults = tuple[RuntimeResult, ...]


def others(results: RuntimeResults | None) -> RuntimeResults:
    """Those of runtimes other than LiteRT."""
    return tuple(result for result in results or () if result.runtime != HERE)


def cell(result: RuntimeResult) -> str:
    """`agrees, 4.12 x`: the golden images' scores hold, and how long an inference takes there, LiteRT's being 1."""
    if result.failure is not None:
        return "no"
    return "agrees" if result.latency_ratio is None else f"agrees, {result.latency_ratio:.2f} x"


def columns(rows: Sequence[RuntimeResults | None]) -> dict[str, list[str]]:
    """Of each other runtime that was tried a cell a row, by its name."""
    found: dict[str, list[str]] = {}
    for name in dict.fromkeys(result.name for row in rows for result in others(row)):
        cells = ({result.name: cell(result) for result in others(row)} for row in rows)
        found[name] = [each.get(name, "-") for each in cells]
    return found
