"""The tables of docs/exporting.md, from results/rescue.json and results/anyone.json."""

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


def anyone() -> list[str]:
    """A row a file: what export made of a published Keras model, and the int8 file that is published with it."""
    document = read("anyone")
    reference = document["results"][-1]["p50_ms"]
    rows = [
        [
            f"`{row['file']}`",
            text.size(row["file_bytes"]),
            text.accuracy(row["top1"], row["interval"], row["n"]),
            text.percent(row.get("agreement")),
            text.ratio(row["p50_ms"] / reference),
        ]
        for row in document["results"]
    ]
    header = ("file", "size", "accuracy", "agreement with Keras", f"p50 to `{document['results'][-1]['file']}`")
    return [*markdown(header, rows), "", source(document)]


def _lost(measured: dict[str, Any]) -> str:
    """In points, with the paired 95 % interval."""
    low, high = measured["interval"]
    return f"{100 * measured['drop']:.2f} ({100 * low:.2f} to {100 * high:.2f})"
