"""The command `select`: the fastest file and number of threads on this board, within a drop of accuracy."""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from device import command, files, options, text
from device.errors import UserError

if TYPE_CHECKING:
    from benchmarks.models import Model


def add_select(select: argparse.ArgumentParser) -> None:
    select.add_argument("models", type=Path, nargs="+", metavar="MODEL|RUN", help=".tflite files, or a run folder")
    select.add_argument(
        "--max-drop", type=options.percent, default=0.01, metavar="POINTS", help="below the most accurate (default 1)"
    )
    select.add_argument("--data", metavar="NAME|DIR", help="labelled pictures (default: what the cards say)")
    select.add_argument("--seconds", type=float, default=2.0, metavar="S", help="for each case, at most (default 2)")
    select.add_argument(
        "-o", "--into", type=Path, metavar="FILE", help="for live --auto (default: selection.json in the run folder)"
    )
    select.add_argument("--json", metavar="FILE|-", help="what was measured, and what was chosen; - for stdout")
    options.add_runtime(select)
    options.add_hints(select, "for third-party files, which have no card, with --data")


def select(given: argparse.Namespace) -> int:
    options.check_seconds("--seconds", given.seconds)
    files.check_target(given.json, "--json")
    from benchmarks import accuracy, choose, latency, models, results
    from device import board, runtime
    from device.live import selection

    found = models.find_whole(given.models)
    for into in [given.into] if given.into else [model.run / selection.NAME for model in found if model.run]:
        files.check_target(into, "--into")
    if not given.data:
        _check_comparable(found)
    engine = latency.Engine(runtime=runtime.find(given.runtime).name)
    hints = options.hints(given)
    known = {}
    if given.data:
        judged = accuracy.measure_all(found, given.data, hints, 1, given.runtime)
        if judged.interrupted:
            raise KeyboardInterrupt
        known = {row["sha256"]: {"top1": row.get("top1"), "error": row["error"]} for row in judged.rows}
    measured = latency.measure(
        found, given.seconds, board.thread_counts(board.usable_cores()), [engine], size=hints.size
    )
    rows = [row if row["error"] else {**row, **known.get(row["sha256"], {})} for row in measured.rows]
    choice = choose.choose(rows, given.max_drop)
    chosen = {name: choice.chosen[name] for name in ("file", "sha256", "threads", "runtime")}
    document = {**results.document(rows, measured.interrupted), "chosen": chosen}
    results.deliver(document, choose.lines(choice), given.json)
    if measured.interrupted:
        raise KeyboardInterrupt
    model = next(model for model in found if model.sha256() == choice.chosen["sha256"])
    into = given.into or (model.run / selection.NAME if model.run else None)
    if into:
        choose.keep(into, model.path, choice)
        said = f"{into}: for python -m device live --auto {into}"
        command.say(said) if given.json == "-" else command.show([said])
    return command.GOOD


def _check_comparable(found: Sequence["Model"]) -> None:
    """UserError for models whose accuracies answer different questions; a note where the pictures were others."""
    known = [(model.path, model.card.labels, model.card) for model in found if model.card and model.card.labels]
    for path, labels, _ in known[1:]:
        first, expected, _ = known[0]
        if sorted(labels) != sorted(expected):  # a name that stands twice counts twice
            raise UserError(
                f"{first} and {path} have other labels ({text.some(expected)}; {text.some(labels)}), so their"
                " accuracies can't be compared; expected files of one task"
            )
    if len({(card.provenance or {}).get("data_fingerprint") for _, _, card in known}) > 1:
        command.say(
            "note: these files' accuracies were not measured on the same pictures; --data asks all about the same"
        )
