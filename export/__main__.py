"""python -m export RUN|MODEL [--variants LIST]                            a trained run, or a .keras in its run folder
python -m export MODEL.tflite --labels FILE --calibration DIR [--test DIR]   anyone's float .tflite
"""

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from device import command, files, text
from device.errors import UserError

if TYPE_CHECKING:
    from export.sources import Source

VARIANTS = "float32,float16,dynamic,int8"


def parser() -> argparse.ArgumentParser:
    options = argparse.ArgumentParser(
        prog="python -m export", description="A trained model to .tflite variants, each checked against its source."
    )
    options.add_argument(
        "model", type=Path, metavar="RUN|MODEL", help="a run folder, its model.keras, or a float .tflite"
    )
    options.add_argument("--variants", default=VARIANTS, metavar="LIST", help=f"which to keep (default {VARIANTS})")
    options.add_argument("--run", type=Path, metavar="DIR", help="files go to DIR/export (default: the run's folder)")
    options.add_argument("--pictures", type=int, default=200, metavar="N", help="calibration pictures (default 200)")
    options.add_argument("--seed", type=int, default=1, help="which calibration and golden pictures are drawn")
    options.add_argument("--drawn-golden", action="store_true", help="draw the golden pictures, for a file to commit")
    options.add_argument("--again", action="store_true", help="export even if nothing has changed")
    group = options.add_argument_group("for anyone's float .tflite")
    group.add_argument("--labels", type=Path, metavar="FILE", help="a label a line, in output order")
    group.add_argument(
        "--calibration", type=Path, metavar="DIR", help="pictures to calibrate with (its train/, if any)"
    )
    group.add_argument("--test", type=Path, metavar="DIR", help="class folders of test pictures")
    group.add_argument("--mean", type=float, metavar="M", help="the network takes (pixel - M) / S")
    group.add_argument("--std", type=float, metavar="S")
    group.add_argument("--fit", choices=("crop", "stretch", "pad"), help="how a picture is made to fit (default crop)")
    group.add_argument("--output", choices=("softmax", "sigmoid", "logits"), help="what the outputs are")
    return options


def main() -> int:
    options = parser().parse_args()
    wanted = list(dict.fromkeys(name.strip() for name in options.variants.split(",") if name.strip()))
    if unknown := [name for name in wanted if name not in VARIANTS.split(",")]:
        raise UserError(f"unknown variant {unknown[0]!r}, expected some of {VARIANTS}")
    if not wanted:
        raise UserError(f"--variants names none, expected some of {VARIANTS}")
    if options.pictures < 1 or options.seed < 0:
        raise UserError("--pictures must be at least 1 and --seed at least 0")
    from device.contract import Hints
    from export import sources

    hints = Hints(options.labels, options.mean, options.std, options.fit, options.output)
    source = sources.find(
        sources.Request(
            options.model, hints, options.calibration, options.test, options.run, options.pictures, options.seed
        )
    )
    return _export(source, wanted, options.drawn_golden, options.again)


def _export(source: "Source", wanted: list[str], drawn: bool, again: bool) -> int:
    from export import variants

    folder = source.folder / "export"
    if not again and _is_up_to_date(folder, variants.inputs(source, wanted, drawn)):
        command.say(f"{folder}: up to date (same model, same settings); --again exports it anew")
        return command.GOOD
    files.check_writable(folder)
    document = variants.export(source, wanted, drawn)
    print("\n".join(lines(document)))
    kept = [row for row in document["variants"] if row["file"]]
    if len(kept) < len(wanted):
        command.say(f"{len(wanted) - len(kept)} of {len(wanted)} variants were not kept; see above why")
        return command.JUDGED_BAD
    return command.GOOD


def _is_up_to_date(folder: Path, inputs: dict[str, Any]) -> bool:
    """Whether the same inputs have made every file that is wanted, and the files are still those."""
    import hashlib

    try:
        document = json.loads((folder / "export.json").read_bytes())
        same = document["status"] == "done" and document["inputs"] == json.loads(json.dumps(inputs))
        return same and all(
            row["file"] and hashlib.sha256((folder / row["file"]).read_bytes()).hexdigest() == row["sha256"]
            for row in document["variants"]
        )
    except (OSError, ValueError, KeyError, TypeError):
        return False


def lines(document: dict[str, Any]) -> list[str]:
    """One row a variant: size, accuracy, and how far it is from its source."""
    header = ("variant", "size", "accuracy", "agreement", "largest error", "mean error")
    rows = [
        [
            row["variant"],
            text.size(row["file_bytes"]),
            text.accuracy(row["top1"], row["interval"], row["n"]),
            text.percent(row["agreement"]),
            _error(row, "largest_error"),
            _error(row, "mean_error"),
        ]
        for row in document["variants"]
    ]
    split = document["variants"][0]["split"]
    note = f"compared with {document['reference']} on the {split} pictures, through device"
    return [*text.table(header, rows), note]


def _error(row: dict[str, Any], name: str) -> str:
    if row["agreement"] is None:  # it could not be run
        return "-"
    return "not finite" if row[name] is None else f"{row[name]:.2g}"


if __name__ == "__main__":
    command.run(main)
