"""The tables of rescued networks and of corrupted images in docs/exporting.md, from results/*.json."""

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


def robustness() -> list[str]:
    """A row a corruption, and for each network a column a severity: accuracy of float32 and int8."""
    document = read("robustness")
    runs = document["results"]
    severities = sorted({row["severity"] for row in runs[0]["rows"]})
    header = ("corruption", *(f"{run['run']}, {severity}" for run in runs for severity in severities))
    clean = (_percent(run["clean"]) for run in runs for _ in severities)
    rows = [["none", *clean]]
    for name in dict.fromkeys(row["corruption"] for row in runs[0]["rows"]):
        cells = (_percent(row) for run in runs for row in run["rows"] if row["corruption"] == name)
        rows.append([name.replace("_", " "), *cells])
    return [*markdown(header, rows), "", *map(_robust_note, runs), "", source(document)]


def _percent(row: dict[str, Any]) -> str:
    """With a star where the paired interval of the loss leaves out 0."""
    low, high = row["drop_interval"]
    return f"{100 * row['float32']:.1f} / {100 * row['int8']:.1f}{'' if low <= 0 <= high else ' *'}"


def _robust_note(run: dict[str, Any]) -> str:
    drop, more = (
        _lost({"drop": run[name], "interval": run[f"{name}_interval"]}) for name in ("drop", "more_than_clean")
    )
    return (
        f"- {run['run']}: {run['n']} {run['split']} images, severities of {run['parameters']}, {run['seconds']:.0f} s."
        f" int8 loses {drop} points over all corruptions, {more} more than on clean images."
    )
