"""What the tables of README and docs are made of."""

from collections.abc import Iterable
from typing import Any

from device import text
from experiments.record import origin


def markdown(header: Iterable[str], rows: Iterable[Iterable[str]]) -> list[str]:
    """A Markdown table, a line an item; cells are Markdown already."""
    header = list(header)
    return ["| " + " | ".join(row) + " |" for row in (header, ["---"] * len(header), *map(list, rows))]


def to_float32(row: dict[str, Any], float32: dict[str, Any]) -> str:
    """A row's ratio to float32 with its 95 % interval, of two rows of `benchmarks latency`.

    A row without the ratio's own interval has those of the two medians: their bounds divided by one another are wider.
    """
    interval = row.get("ratio_interval")
    mine, base = row["p50_interval_ms"], float32["p50_interval_ms"]
    if interval is None and mine and base and row is not float32:
        interval = mine[0] / base[1], mine[1] / base[0]
    return text.ratio(row["ratio_to_float32"], interval)


def source(document: dict[str, Any]) -> str:
    """Where and when a result document was measured, and by which command."""
    days: dict[str, set[str]] = {}
    for row in document["results"]:
        each = (row.get("measured") if isinstance(row, dict) else None) or origin(document)
        machine = f"{each['cores']} core{'s' * (each['cores'] != 1)} of {each['cpu']}"
        days.setdefault(machine, set()).add(each["date"])
    said = "; ".join(f"{text.some(sorted(dates), len(dates))} on {machine}" for machine, dates in days.items())
    return f"Measured {said}: `{document['command']}`"
