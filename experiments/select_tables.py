"""The tables of what `select` makes of a known truth (select_simulation.py)."""

from typing import Any

from experiments.markdown import markdown
from experiments.record import read


def _of_kind(kind: str) -> tuple[list[dict[str, Any]], str]:
    document = read("select_simulation")
    rows = [row for row in document["results"] if row["kind"] == kind]
    return rows, f"{rows[0]['runs']:,} seeded runs a row, {document['date']}: `{document['command']}`"


def select_files() -> list[str]:
    """Which of four files is chosen by few images: results/select_simulation.json, kind "files"."""
    found, source = _of_kind("files")
    rows = [
        [
            f"{row['n']:,}",
            f"{100 * row['disagree']:g} %",
            f"{100 * row['loss']:g}",
            *(f"{100 * row[field] / row['runs']:.1f} %" for field in ("all_in", "fastest_out")),
            *(f"{100 * row[f'{field}_by_estimates'] / row['runs']:.1f} %" for field in ("all_in", "fastest_out")),
            *(f"{100 * row[field]:+.2f}" for field in ("best_too_high", "chosen_too_high")),
            f"{100 * row['bound']:.2f}",
        ]
        for row in found
    ]
    header = (
        *("images", "two files disagree about", "the fastest loses, points", "all four stay in", "the fastest is out"),
        *("all stay in, by accuracies alone", "the fastest is out, by accuracies alone"),
        *("the best's accuracy, points too high", "the chosen one's", "bound that is said"),
    )
    return [*markdown(header, rows), "", source]


def select_threads() -> list[str]:
    """How often two threads are chosen where they are faster: kind "threads"."""
    found, source = _of_kind("threads")
    rows = [
        [
            f"{100 * row['faster']:g} %",
            *(f"{100 * row[field]:g} %" for field in ("shared", "own")),
            *(f"{100 * row[field] / row['runs']:.1f} %" for field in ("two_chosen", "two_chosen_by_intervals")),
        ]
        for row in found
    ]
    header = (
        *("two threads are faster by", "spread that processes share", "spread of one case"),
        *("two are chosen", "by whether intervals overlap"),
    )
    return [*markdown(header, rows), "", source]


def odd_process() -> list[str]:
    """What one slow process of eight does to an interval: kind "odd process"."""
    (row,), source = _of_kind("odd process")
    cells = [f"{100 * row['slower']:g} %", *(f"{100 * row[field]:+.1f} %" for field in ("low", "middle", "high"))]
    header = ("one of eight processes is slower by", "lower bound", "estimate", "upper bound")
    return [*markdown(header, [cells]), "", source]
