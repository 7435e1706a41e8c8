"""python -m benchmarks latency MODEL…|RUN [--threads N]         how long each file takes, interleaved
python -m benchmarks accuracy MODEL…|RUN --data NAME|DIR      how often each file is right
"""

import argparse
from pathlib import Path

from device import command, options
from device.errors import UserError


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(prog="python -m benchmarks", description="Accuracy and latency of .tflite files.")
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")

    latency = commands.add_parser("latency", help="p50, p90, p99 of invoke, every file interleaved with the others")
    _common(latency)
    latency.add_argument("--seconds", type=float, default=3.0, metavar="S", help="time for each file (default 3)")

    latency.add_argument(
        "--keep", action="store_true", help="of a run: show what was measured before, if it still holds"
    )

    accuracy = commands.add_parser("accuracy", help="share of right answers on labelled pictures")
    _common(accuracy)
    accuracy.add_argument("--data", metavar="NAME|DIR", help="labelled pictures (default: the test of its own data)")
    options.add_hints(accuracy, "for a third-party file, which has no card")
    return top


def _common(command_options: argparse.ArgumentParser) -> None:
    command_options.add_argument(
        "models", type=Path, nargs="+", metavar="MODEL|RUN", help=".tflite files, or a run folder"
    )
    options.add_threads(command_options)
    options.add_runtime(command_options)
    command_options.add_argument("--json", metavar="FILE|-", help="the result document; - for stdout")


def main() -> int:
    given = parser().parse_args()
    return _latency(given) if given.command == "latency" else _accuracy(given)


def _latency(given: argparse.Namespace) -> int:
    if not 0 < given.seconds <= 3600:
        raise UserError(f"--seconds is {given.seconds:g}, expected more than 0 and at most 3600")
    from benchmarks import latency, models, results
    from device import files, runtime

    found, engine = models.find(given.models), runtime.find(given.runtime)
    runs = {model.run for model in found}
    run = runs.pop() if len(runs) == 1 else None
    document = results.kept(run / "benchmark.json", found, given.threads, engine) if run and given.keep else None
    if document is not None:
        command.say(f"{run}: measured before (same files, same machine); without --keep it is measured anew")
    else:
        document = results.document(latency.measure(found, given.threads, engine, given.seconds))
        if run:
            files.write_json(run / "benchmark.json", document)
    if given.json:
        files.deliver_json(document, given.json)
    if given.json != "-":
        print("\n".join(results.latency_lines(document["results"])))
    return command.GOOD


def _accuracy(given: argparse.Namespace) -> int:
    from benchmarks import accuracy, models, results
    from device import files

    hints = options.hints(given)
    found = models.find(given.models)
    rows = [accuracy.measure(model, given.data, hints, given.threads, given.runtime) for model in found]
    document = results.document(rows)
    if given.json:
        files.deliver_json(document, given.json)
    if given.json != "-":
        print("\n".join(results.accuracy_lines(rows)))
    return command.GOOD


if __name__ == "__main__":
    command.run(main)
