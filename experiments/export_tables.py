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
    """A row a corruption and severity, and two columns a network: float32 and int8, and what int8 loses."""
    document = read("robustness")
    runs = document["results"]
    header = ("corruption", "severity", *(cell for run in runs for cell in (f"{run['run']}, %", "int8 loses")))
    rows = []
    for each in zip(*([run["clean"], *run["rows"]] for run in runs), strict=True):
        first = each[0]
        cells = (cell for row in each for cell in (f"{_percent(row)}", _lost_of(row)))
        rows.append([first["corruption"].replace("_", " "), str(first["severity"] or ""), *cells])
    mean = (cell for run in runs for cell in ("", _mean(run, "drop")))
    more = (cell for run in runs for cell in ("", _mean(run, "more_than_clean")))
    rows += [["**mean of all but none**", "", *mean], ["**more than with none**", "", *more]]
    images = "; ".join(
        f"{run['run']}: {run['n']} {run['split']} images, {run['parameters']}, {run['seconds']:.0f} s" for run in runs
    )
    return [*markdown(header, rows), "", f"{images}. {source(document)}"]


def _percent(row: dict[str, Any]) -> str:
    return f"{100 * row['float32']:.1f} / {100 * row['int8']:.1f}"


def _lost_of(row: dict[str, Any]) -> str:
    return _lost({"drop": row["drop"], "interval": row["drop_interval"]})


def _mean(run: dict[str, Any], name: str) -> str:
    return _lost({"drop": run[name], "interval": run[f"{name}_interval"]})
