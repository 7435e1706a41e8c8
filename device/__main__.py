"""python -m device classify MODEL PICTURE|DIR…      labels of pictures
python -m device info MODEL                        what a model file says of itself
"""

import argparse
from pathlib import Path

from device import command, options


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(prog="python -m device", description="Pictures to labels, with a .tflite file.")
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")

    classify = commands.add_parser("classify", help="labels of pictures, or of every picture in a folder")
    classify.add_argument("model", type=Path, metavar="MODEL", help="a .tflite file")
    classify.add_argument(
        "source", type=Path, nargs="+", metavar="PICTURE|DIR", help="picture files or folders of them"
    )
    labels = options.whole_number(1, 1_000_000)
    classify.add_argument("--top-k", type=labels, default=5, metavar="N", help="labels a picture (default 5)")
    options.add_threads(classify)
    classify.add_argument("--json", metavar="FILE|-", help="a line of JSON a picture; - for stdout")
    options.add_hints(classify, "for a third-party file, which has no card")
    options.add_runtime(classify)

    info = commands.add_parser("info", help="what a model file says of itself")
    info.add_argument("model", type=Path, metavar="MODEL", help="a .tflite file")
    info.add_argument("--json", metavar="FILE|-", help="the whole card as JSON; - for stdout")
    options.add_runtime(info)
    return top


def main() -> int:
    given = parser().parse_args()
    # numpy and OpenCV are imported here, after --help and wrong options are answered.
    if given.command == "info":
        from device import info

        return info.run(given.model, given.runtime, given.json)
    from device import classify

    return classify.run(
        classify.Request(
            given.model,
            tuple(given.source),
            options.hints(given),
            given.top_k,
            given.threads,
            given.runtime,
            given.json,
        )
    )


if __name__ == "__main__":
    command.run(main)
