"""The tables of docs/few-images.md, from results/few_images.json."""

from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from experiments.markdown import markdown, source
from experiments.record import read
from train.backbones.backbones import AUTO

Row = dict[str, Any]


def few_images() -> list[str]:
    """A row a set and backbone; accuracy by images a class: mean of float with lowest and highest, and mean of int8."""
    document = read("few_images")
    rows = []
    for (name, backbone), found in _groups(document["results"], lambda row: (row["set"], row["backbone"])).items():
        first, latency = found[0], document["latencies"].get(backbone)
        cost = f"{latency['p50_ms']:.1f} ms" if latency else "-"
        kind = f"{name}: {first['labels']} classes, n {first['n']}"
        rows.append([kind, f"`{backbone}`", cost, *(_drawn(row) for row in found)])
    header = ("images", "backbone", "int8 p50", *_counts(document))
    return [*markdown(header, rows), "", source(document)]


def _counts(document: Row) -> list[str]:
    counts = dict.fromkeys(row["images"] for row in document["results"])
    return [f"{count} a class" if count else "all" for count in counts]


def _drawn(row: Row) -> str:
    spread = f" ({100 * min(row['top1']):.1f}-{100 * max(row['top1']):.1f})" if len(row["top1"]) > 1 else ""
    return f"{_mean(row['top1'])}{spread}, int8 {_mean(row['int8'])}"


def _mean(shares: list[float]) -> str:
    return f"{100 * np.mean(shares):.1f}"


def _groups(rows: list[Row], key: Callable[[Row], Any]) -> dict[Any, list[Row]]:
    found: dict[Any, list[Row]] = {}
    for row in rows:
        found.setdefault(key(row), []).append(row)
    return found


def few_images_auto() -> list[str]:
    """What auto chose and how far its mean accuracy is from that of the best backbone, which nobody knows before."""
    document = read("few_images")
    rows = []
    for name, of_set in _groups(document["results"], lambda row: row["set"]).items():
        cells = []
        for candidates in _groups(of_set, lambda row: row["images"]).values():
            (auto,) = (row for row in candidates if row["backbone"] == AUTO)
            best = max((row for row in candidates if row is not auto), key=lambda row: float(np.mean(row["top1"])))
            short = 100 * float(np.mean(auto["top1"]) - np.mean(best["top1"]))
            chosen = _counted(one.replace("EfficientNet", "") for one in auto["chosen"])
            cells.append(f"{short:+.1f} to {best['backbone'].replace('EfficientNet', '')}; {chosen}")
        rows.append([name, *cells])
    header = ("images", *_counts(document))
    return [*markdown(header, rows), "", source(document)]


def _counted(names: Iterable[str]) -> str:
    return ", ".join(f"{name} {count}" for name, count in Counter(names).most_common())


def few_images_cross_validation() -> list[str]:
    """How far the cross-validated accuracy is from that on the test, in points: mean over sets and draws."""
    document = read("few_images")
    rows = []
    for what, mine in (("a backbone that was named", False), ("the one that `auto` chose", True)):
        of_kind = [row for row in document["results"] if (row["backbone"] == AUTO) == mine]
        cells = []
        for found in _groups(of_kind, lambda row: row["images"]).values():
            points = [
                100 * (known - right)
                for row in found
                for known, right in zip(row["cross_validated"], row["top1"], strict=True)
            ]
            cells.append(f"{np.mean(points):+.1f} (n {len(points)}, standard deviation {np.std(points):.1f})")
        rows.append([what, *cells])
    return [*markdown(("", *_counts(document)), rows), "", source(document)]
