"""The tables of docs/ci.md: how the gate judges right and wrong predictions."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from device.evaluation import needed
from experiments.markdown import markdown, source
from experiments.record import read

# What an obvious gate allows.
OBVIOUS = 0.05
# Points that may be lost, and of how many images in a hundred the two models judge differently.
LIMITS = (0.5, 1.0, 2.0)
DIFFERING = (1, 2, 5)


def blocks() -> list[str]:
    """One model against itself, block after block and in turns: how far from 1 the ratio is."""
    document = read("blocks")
    rows = []
    for row in document["results"]:
        ratios = np.array(row["ratios"])
        low, high = np.percentile(ratios, (2.5, 97.5))
        rows.append(
            [
                row["way"],
                f"{low:.3f} to {high:.3f}",
                f"{max(ratios, key=lambda ratio: abs(np.log(ratio))):.3f}",
                f"{(ratios > 1 + OBVIOUS).sum()} of {len(ratios)}",
            ]
        )
    header = ("base and candidate run", "95 of 100 ratios", "the farthest", f"more than {100 * OBVIOUS:g} % slower")
    load = f"load of the machine {document['machine']['load_1min']:.1f}"
    caption = f"The same file twice, {document['invocations']} inferences each; {load}. {source(document)}"
    return [*markdown(header, rows), "", caption]


def qualified_busy() -> list[str]:
    """What `gate --qualify` printed beside other work: results/qualified_busy.json."""
    document = read("qualified_busy")
    block = ["```", "$ python -m benchmarks gate --qualify", *document["printed"], "$ echo $?"]
    load = f"Load of the machine {document['machine']['load_1min']:.1f}. {source(document)}"
    return [*block, str(document["exit_code"]), "```", "", load]


def images_for_a_limit() -> list[str]:
    """How many images let 95 of 100 candidates pass that in truth lose nothing."""
    rows = [
        [f"{share} in 100", *(f"{needed.images(share / 100, limit / 100):,}" for limit in LIMITS)]
        for share in DIFFERING
    ]
    header = ("predictions that differ", *(f"`--max-drop {limit:g}`" for limit in LIMITS))
    return markdown(header, rows)


def drop_told() -> list[str]:
    """With so many images: what becomes of candidates that lose nothing, the limit, and twice as much."""
    document, found = _simulated("tells")
    cells: dict[tuple[float, float], dict[int, dict[str, int]]] = {}
    for row in found:
        cells.setdefault((row["differing"], row["limit"]), {})[round(row["loss"] / row["limit"])] = row["answers"]
    rows = [
        [
            f"{100 * differing:g} in 100",
            f"{100 * limit:g}",
            _share(by_loss[0], "no regression", document),
            _share(by_loss[0], "regression", document),
            _share(by_loss[1], "regression", document),
            _share(by_loss[2], "regression", document),
            _share(by_loss[2], "no regression", document),
        ]
        for (differing, limit), by_loss in cells.items()
    ]
    rows.append(["all", "", *(_span_of([row[i] for row in rows]) for i in range(2, 7))])
    header = (
        *("predictions that differ", "`--max-drop`", "loses nothing: passes", "fails", "loses the limit: fails"),
        *("loses twice the limit: fails", "passes"),
    )
    return [*markdown(header, rows), "", _source(document)]


def drop_advice() -> list[str]:
    """With a quarter of the images: how many it says that it takes."""
    document, found = _simulated("advice")
    rows = [
        [
            f"{100 * row['differing']:g} in 100",
            f"{100 * row['limit']:g}",
            f"{row['images']:,}",
            f"{row['would_do']:,}",
            " to ".join(f"{round(end):,}" for end in row["median"]),
            " to ".join(f"{round(end):,}" for end in row["of_90_in_100"]),
            f"{100 * row['held'] / row['asked']:.0f} %",
        ]
        for row in found
    ]
    header = (
        *("predictions that differ", "`--max-drop`", "images", "would do", "says, the median of either end"),
        *("of 90 in 100 between", "what would do is in it"),
    )
    return [*markdown(header, rows), "", _source(document)]


def drop_equal_labels() -> list[str]:
    """How often a label fails a candidate that loses nothing, or just the limit; a column each case that was drawn."""
    document, found = _simulated("equal")
    cases = list(dict.fromkeys((row["loss"], row["differing"], row["limit"]) for row in found))
    by_set: dict[tuple[int, int], dict[tuple[float, float, float], str]] = {}
    for row in found:
        case = row["loss"], row["differing"], row["limit"]
        by_set.setdefault((row["labels"], row["of_each"]), {})[case] = f"{row['by_label']}"
    rows = [[f"{labels} of {each:,}", *(by_case[case] for case in cases)] for (labels, each), by_case in by_set.items()]
    header = [
        f"{f'loses {100 * loss:g} points of each' if loss else 'loses nothing'}, {100 * differing:g} in 100 differ,"
        f" `--max-drop {100 * limit:g}`"
        for loss, differing, limit in cases
    ]
    return [*markdown(("labels, images of each", *header), rows), "", _source(document, "cell")]


def drop_vanished() -> list[str]:
    """How often a label is caught that is never right any more, beside others of a hundred images."""
    document, found = _simulated("vanished")
    rows = [
        [
            str(row["labels"]),
            str(row["rare"]),
            f"{100 * row['recall']:g} %",
            f"{100 * row['by_label'] / document['draws']:.1f} %",
            f"{100 * row['said'] / document['draws']:.1f} %",
        ]
        for row in found
    ]
    header = ("labels", "images of the one that vanishes", "the base knows of it", "fails", "is named at least")
    return [*markdown(header, rows), "", _source(document)]


def _simulated(what: str) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    document = read("drop_simulation")
    return document, [row for row in document["results"] if row["what"] == what]


def _source(document: dict[str, Any], each: str = "row") -> str:
    return f"{document['draws']:,} drawn at random a {each}, {document['date']}: `{document['command']}`"


def _share(answers: dict[str, int], answer: str, document: dict[str, Any]) -> str:
    return f"{100 * answers.get(answer, 0) / document['draws']:.1f} %"


def _span_of(cells: Sequence[str]) -> str:
    """'43.1 to 91.0 %'"""
    numbers = sorted(float(cell.removesuffix(" %")) for cell in cells)
    return f"{numbers[0]:.1f} to {numbers[-1]:.1f} %"
