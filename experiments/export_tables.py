"""The tables in docs/exporting.md: rescued networks, arithmetic on pixels, `--scaling auto`; from results/*.json."""

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


def folding() -> list[str]:
    """What is done to pixels before the first convolution, and what that costs."""
    document = read("folding")
    header = ("first convolution", "file", "before it", "latency", "largest difference of a score", "accuracy it loses")
    rows = [
        [
            "valid" if row["network"].endswith("valid") else "same",
            row["variant"],
            row["way"],
            _ratio(row["latency"]),
            f"{row['largest_difference']:.1g}" if row["variant"] == "float32" else f"{row['largest_difference']:.2f}",
            _lost({"drop": row["drop"], "interval": row["drop_interval"]}),
        ]
        for row in document["results"]
        if "n" in row
    ]
    return [*markdown(header, rows), "", source(document)]


def quantize_at_input() -> list[str]:
    """int8 files that do without the QUANTIZE at their input."""
    document = read("folding")
    rows = [[row["way"], _ratio(row["latency"])] for row in document["results"] if "n" not in row]
    return [*markdown(("", "latency to QUANTIZE"), rows), "", source(document)]


def _ratio(measured: dict[str, Any] | None) -> str:
    if measured is None:
        return "1"
    low, high = measured["interval"]
    return f"{measured['ratio']:.3f} ({low:.3f}-{high:.3f})"


def scaling_auto() -> list[str]:
    """A row a network and scaling: in how many of a hundred draws it was named."""
    document = read("scaling_auto")
    counts = sorted({row["n"] for row in document["results"]})
    rows: dict[tuple[str, str], list[str]] = {}
    for row in document["results"]:
        key = row["network"], row["scaling"]
        others = [value for name, value in row["accuracies"].items() if name != row["scaling"]]
        begin = [*key, text.percent(row["accuracies"][row["scaling"]], 1), text.percent(max(others), 1)]
        rows.setdefault(key, begin).append(_named(row))
    header = ("network", "takes", "accuracy", "next best", *(f"{n} images" for n in counts))
    return [*markdown(header, rows.values()), "", source(document)]


def _named(row: dict[str, Any]) -> str:
    """Right, and wrong; in the rest it couldn't be told."""
    right, wrong = (text.percent(row[which] / row["draws"], 1) for which in ("right", "wrong"))
    return f"{right} / {wrong}"
