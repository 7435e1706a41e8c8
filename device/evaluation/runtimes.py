"""A model file in several runtimes: its rows in export.json, and its cells in tables."""

from collections.abc import Sequence
from dataclasses import dataclass

HERE = "litert"
EXPLAINED = "agrees: the golden images have the recorded scores there; x: the time of an inference, LiteRT's being 1"


@dataclass(frozen=True)
class RuntimeResult:
    """A file in one runtime.

    failure: why it can't be used there (it doesn't load, or its golden images have other scores); None if it can.
    score_error: the largest difference between a golden image's score and the recorded one. latency_ms: the median time
    of an inference on one thread; latency_ratio: to LiteRT's, interleaved.
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
    """The results in runtimes other than LiteRT."""
    return tuple(result for result in results or () if result.runtime != HERE)


def cell(result: RuntimeResult) -> str:
    """Such as `agrees, 4.12 x`: the golden images pass, and an inference takes 4.12 times as long as in LiteRT."""
    if result.failure is not None:
        return "no"
    return "agrees" if result.latency_ratio is None else f"agrees, {result.latency_ratio:.2f} x"


def columns(rows: Sequence[RuntimeResults | None]) -> dict[str, list[str]]:
    """The cells of each other runtime that was tried, one per row, by the runtime's name."""
    found: dict[str, list[str]] = {}
    for name in dict.fromkeys(result.name for row in rows for result in others(row)):
        cells = ({result.name: cell(result) for result in others(row)} for row in rows)
        found[name] = [each.get(name, "-") for each in cells]
    return found
