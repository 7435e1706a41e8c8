"""python -m device classify MODEL PICTURE|DIR…      labels of pictures
python -m device info MODEL                        what a model file says of itself
"""

import argparse
from pathlib import Path

from device import command


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(prog="python -m device", description="Pictures to labels, with a .tflite file.")
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")

    classify = commands.add_parser("classify", help="labels of pictures, or of every picture in a folder")
    classify.add_argument("model", type=Path, metavar="MODEL", help="a .tflite file")
    classify.add_argument(
        "source", type=Path, nargs="+", metavar="PICTURE|DIR", help="picture files or folders of them"
    )
    labels, threads = command.whole_number(1, 1_000_000), command.whole_number(1, command.MAX_THREADS)
    classify.add_argument("--top-k", type=labels, default=5, metavar="N", help="labels a picture (default 5)")
    classify.add_argument("--threads", type=threads, metavar="N", help="threads of the interpreter (default 1)")
    classify.add_argument("--json", metavar="FILE|-", help="a line of JSON a picture; - for stdout")
    add_hints(classify)
    add_runtime(classify)

    info = commands.add_parser("info", help="what a model file says of itself")
    info.add_argument("model", type=Path, metavar="MODEL", help="a .tflite file")
    info.add_argument("--json", metavar="FILE|-", help="the whole card as JSON; - for stdout")
    add_runtime(info)
    return top


def add_hints(options: argparse.ArgumentParser) -> None:
    group = options.add_argument_group("for a third-party file, which has no card")
    group.add_argument("--labels", type=Path, metavar="FILE", help="a text file with a label a line, in output order")
    group.add_argument("--mean", type=float, metavar="M", help="the network takes (pixel - M) / S")
    group.add_argument("--std", type=float, metavar="S")
    group.add_argument("--fit", choices=("crop", "stretch", "pad"), help="how a picture is made to fit (default crop)")
    group.add_argument("--output", choices=("softmax", "sigmoid", "logits"), help="what the outputs are")


def add_runtime(options: argparse.ArgumentParser) -> None:
    options.add_argument(
        "--runtime", choices=("litert", "tflite-runtime", "tensorflow"), help="default: the first found"
    )


def main() -> int:
    options = parser().parse_args()
    # numpy and OpenCV are imported here, after --help and wrong options are answered.
    if options.command == "info":
        from device import info

        return info.run(options.model, options.runtime, options.json)
    from device import classify
    from device.contract import Hints

    hints = Hints(options.labels, options.mean, options.std, options.fit, options.output)
    return classify.run(
        classify.Request(
            options.model, tuple(options.source), hints, options.top_k, options.threads, options.runtime, options.json
        )
    )


if __name__ == "__main__":
    command.run(main)
