"""python -m benchmarks latency MODEL…|RUN [--threads N]         how long each file takes, interleaved
python -m benchmarks accuracy MODEL…|RUN --data NAME|DIR      how often each file is right
"""

import argparse
from pathlib import Path

from device import command
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
    group = accuracy.add_argument_group("for a third-party file, which has no card")
    group.add_argument("--labels", type=Path, metavar="FILE", help="a text file with a label a line, in output order")
    group.add_argument("--mean", type=float, metavar="M", help="the network takes (pixel - M) / S")
    group.add_argument("--std", type=float, metavar="S")
    group.add_argument("--fit", choices=("crop", "stretch", "pad"), help="how a picture is made to fit (default crop)")
    group.add_argument("--output", choices=("softmax", "sigmoid", "logits"), help="what the outputs are")
    return top


def _common(options: argparse.ArgumentParser) -> None:
    options.add_argument("models", type=Path, nargs="+", metavar="MODEL|RUN", help=".tflite files, or a run folder")
    threads = command.whole_number(1, command.MAX_THREADS)
    options.add_argument(
        "--threads", type=threads, default=1, metavar="N", help="threads of the interpreter (default 1)"
    )
    options.add_argument(
        "--runtime", choices=("litert", "tflite-runtime", "tensorflow"), help="default: the first found"
    )
    options.add_argument("--json", metavar="FILE|-", help="the result document; - for stdout")


def main() -> int:
    options = parser().parse_args()
    return _latency(options) if options.command == "latency" else _accuracy(options)


def _latency(options: argparse.Namespace) -> int:
    if not 0 < options.seconds <= 3600:
        raise UserError(f"--seconds is {options.seconds:g}, expected more than 0 and at most 3600")
    from benchmarks import latency, models, results
    from device import files, runtime

    found, engine = models.find(options.models), runtime.find(options.runtime)
    runs = {model.run for model in found}
    run = runs.pop() if len(runs) == 1 else None
    document = results.kept(run / "benchmark.json", found, options.threads, engine) if run and options.keep else None
    if document is not None:
        command.say(f"{run}: measured before (same files, same machine); without --keep it is measured anew")
    else:
        document = results.document(latency.measure(found, options.threads, engine, options.seconds))
        if run:
            files.write_json(run / "benchmark.json", document)
    if options.json:
        files.deliver_json(document, options.json)
    if options.json != "-":
        print("\n".join(results.latency_lines(document["results"])))
    return command.GOOD


def _accuracy(options: argparse.Namespace) -> int:
    from benchmarks import accuracy, models, results
    from device import files
    from device.contract import Hints

    hints = Hints(options.labels, options.mean, options.std, options.fit, options.output)
    found = models.find(options.models)
    rows = [accuracy.measure(model, options.data, hints, options.threads, options.runtime) for model in found]
    document = results.document(rows)
    if options.json:
        files.deliver_json(document, options.json)
    if options.json != "-":
        print("\n".join(results.accuracy_lines(rows)))
    return command.GOOD


if __name__ == "__main__":
    command.run(main)
