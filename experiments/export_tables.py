"""The table of rescued networks in docs/exporting.md, from results/rescue.json."""

from typing import Any

from device import text
from experiments.markdown import markdown, source
from experiments.record import read


def rescue() -> list[str]:
    """A row a network: what plain int8 and the rescued file lose on test images, and what that costs."""
    document = read("rescue")
    header = ("network", "float32", "plain int8 loses", "rescued loses", "by", "latency", "size", "tried")
    rows = [
        [
            row["network"],
            text.accuracy(row["float32_top1"], row["float32_interval"], row["n"]),
            _lost(row["plain"]),
            _lost(row["rescued"]),
            row["means"],
            text.ratio(row["latency_ratio"]),
            f"{text.size(row['plain']['network_bytes'])} -> {text.size(row['rescued']['network_bytes'])}",
            f"{len(row['steps'])} in {row['seconds']:.0f} s",
        ]
        for row in document["results"]
    ]
    return [*markdown(header, rows), "", source(document)]


def _lost(measured: dict[str, Any]) -> str:
    """In points, with the paired 95 % interval."""
    low, high = measured["interval"]
    return f"{100 * measured['drop']:.2f} ({100 * low:.2f} to {100 * high:.2f})"
