"""The command `select`: the fastest file and number of threads on this board, within a drop of accuracy."""

import argparse
from pathlib import Path

from device import command, options


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
    options.add_runtime(select)
    options.add_hints(select, "for third-party files, which have no card, with --data")


def select(given: argparse.Namespace) -> int:
    options.check_seconds("--seconds", given.seconds)
    from benchmarks import accuracy, choose, latency, models
    from device import board, runtime
    from device.live import selection

    found = models.find_whole(given.models)
    engine = latency.Engine(runtime=runtime.find(given.runtime).name)
    hints = options.hints(given)
    judged = accuracy.measure_all(found, given.data, hints, 1, given.runtime) if given.data else []
    known = {row["sha256"]: {"top1": row.get("top1"), "error": row["error"]} for row in judged}
    measured = latency.measure(found, given.seconds, board.thread_counts(board.usable_cores()), [engine])
    rows = [row if row["error"] else {**row, **known.get(row["sha256"], {})} for row in measured.rows]
    choice = choose.choose(rows, given.max_drop)
    print("\n".join(choose.lines(choice)))
    if measured.interrupted:
        raise KeyboardInterrupt
    model = next(model for model in found if model.sha256() == choice.chosen["sha256"])
    into = given.into or (model.run / selection.NAME if model.run else None)
    if into:
        choose.keep(into, model.path, choice)
        print(f"{into}: for python -m device live --auto {into}")
    return command.GOOD
