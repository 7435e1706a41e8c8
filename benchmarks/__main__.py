"""python -m benchmarks latency MODEL…|RUN [--threads N,…]       how long each file takes, interleaved
python -m benchmarks accuracy MODEL…|RUN --data NAME|DIR      the accuracy of each file
python -m benchmarks compare A [B]                            two models, runtimes or commits: the ratio of their times
python -m benchmarks gate BASE CANDIDATE                      0: no regression, 1: a regression, 3: can't tell
python -m benchmarks baseline MODEL -o FILE                   a baseline to use as BASE
python -m benchmarks select MODEL…|RUN                        the fastest file and threads on this board
python -m benchmarks report RUN|RESULTS…                      one HTML file
python -m benchmarks board USER@HOST MODEL…|RUN               latency, measured on a board over ssh
"""

import argparse
import shutil
import sys
from pathlib import Path

from benchmarks.boards import options as board_options
from benchmarks.compare.command import add_compare, compare
from benchmarks.gate.command import add_baseline, add_gate, baseline, gate
from benchmarks.select.command import add_select, select
from device import command
from device.commands import options
from device.errors import UserError


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(
        prog=command.program("benchmarks"), description="Accuracy and latency of .tflite files."
    )
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")

    latency = commands.add_parser("latency", help="p50, p90, p99 of invoke, with all files interleaved")
    _add_models(latency)
    latency.add_argument(
        "--threads", type=thread_counts, default=(1,), metavar="N[,N…]", help="numbers of threads to try (default 1)"
    )
    options.add_runtime(latency)
    latency.add_argument(
        "--python",
        action="append",
        default=[],
        metavar="PYTHON",
        help="the Python of another environment, to time its runtime too; repeatable",
    )
    latency.add_argument(
        "--seconds", type=float, default=2.0, metavar="S", help="at most, for each case; less if that is enough"
    )
    latency.add_argument(
        "--sustained",
        type=float,
        default=1.0,
        metavar="S",
        help="run each case alone without a pause (default 1; 0: skip)",
    )
    latency.add_argument(
        "--keep", action="store_true", help="for a run: show an earlier measurement if it is still valid"
    )

    options.add_size(latency)

    accuracy = commands.add_parser("accuracy", help="the accuracy on labeled images")
    _add_models(accuracy)
    options.add_threads(accuracy)
    options.add_runtime(accuracy)
    accuracy.add_argument("--data", metavar="NAME|DIR", help="labeled images (default: the test split of its own data)")
    options.add_overrides(accuracy, "for a third-party file, which has no card")

    add_compare(commands.add_parser("compare", help="the ratio of two models' times, with its interval"))
    add_gate(commands.add_parser("gate", help="is the candidate slower or less accurate?"))
    add_baseline(commands.add_parser("baseline", help="store a model's latency, for gate"))
    report = commands.add_parser("report", help="one HTML page of result documents")
    report.add_argument("results", type=Path, nargs="+", metavar="RUN|RESULTS", help="run folders, or result documents")
    report.add_argument(
        "-o", "--into", type=Path, metavar="FILE", help="default: report.html, in the folder if it is one run"
    )
    add_select(commands.add_parser("select", help="the fastest file and threads on this board"))
    board_options.add(commands.add_parser("board", help="latency on another machine, over ssh"))
    return top


def thread_counts(text: str) -> tuple[int, ...]:
    """A `type` for argparse: reads 1,2,4."""
    one = options.whole_number(1, options.MAX_THREADS)
    return tuple(dict.fromkeys(one(part) for part in text.split(",")))


def _add_models(command_options: argparse.ArgumentParser) -> None:
    command_options.add_argument(
        "models", type=Path, nargs="+", metavar="MODEL|RUN", help=".tflite files, or a run folder"
    )
    command_options.add_argument("--json", metavar="FILE|-", help="the result document; - for stdout")


def main() -> int:
    words, passed_on = board_options.split(sys.argv[1:])
    given = parser().parse_args(words)
    if given.command == "board":
        return board_options.run(given, passed_on, parser())
    mains = {
        "latency": _latency,
        "accuracy": _accuracy,
        "compare": compare,
        "gate": gate,
        "baseline": baseline,
        "select": select,
        "report": _report,
    }
    return mains[given.command](given)


def _latency(given: argparse.Namespace) -> int:
    options.check_seconds("--seconds", given.seconds)
    if given.sustained:
        options.check_seconds("--sustained", given.sustained)
    from benchmarks.documents import models, results
    from benchmarks.measure import latency
    from device import files
    from device.inference import runtime

    files.check_target(given.json, "--json")
    found = models.find_whole(given.models)
    for python in given.python:
        if shutil.which(python) is None:
            raise UserError(f"{python}: no such Python, expected the interpreter of an environment; check --python")
    # Required here too, because the other environments are compared with this one.
    engine = runtime.find(given.runtime)
    run = models.common_run(found)
    path = run / results.NAME if run else None
    if path:
        files.check_target(path)
    if given.keep and given.python:
        raise UserError("--keep and --python were both given, but --keep is for this environment; omit one")
    document = results.kept(path, found, given.threads, engine) if path and given.keep else None
    is_new = document is None
    if document is not None:
        command.say(f"{run}: measured before (same files, same machine); omit --keep to measure again")
    else:
        engines = [latency.Engine(runtime=given.runtime), *(latency.Engine(python) for python in given.python)]
        measured = latency.measure(found, given.seconds, given.threads, engines, given.sustained, given.size)
        document = results.of(measured.rows, measured.interrupted)
        for note in measured.notes:
            command.say(f"note: {note}")
    results.deliver(document, results.latency_lines(document.latency), given.json)
    if path and is_new and not document.interrupted:
        files.write_json(path, document.to_json())
    for line in results.warnings(document.latency):
        command.say(line)
    if document.interrupted:
        raise KeyboardInterrupt
    results.require_all(document.results)
    return command.GOOD


def _report(given: argparse.Namespace) -> int:
    from benchmarks.report import report
    from device import files

    into = given.into or report.default_place(given.results)
    files.check_target(into, "--into")
    report.write(given.results, into)
    command.show([str(into)])
    return command.GOOD


def _accuracy(given: argparse.Namespace) -> int:
    from benchmarks.documents import models, results
    from benchmarks.measure import accuracy
    from device import files

    files.check_target(given.json, "--json")
    overrides = options.overrides(given)
    found = models.find(given.models)
    judged = accuracy.measure_all(found, given.data, overrides, given.threads, given.runtime)
    results.deliver(results.of(judged.rows, judged.interrupted), results.accuracy_lines(judged.rows), given.json)
    if judged.interrupted:
        raise KeyboardInterrupt
    results.require_all(judged.rows)
    return command.GOOD


if __name__ == "__main__":
    command.run(main)
