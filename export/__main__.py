"""python -m export RUN|MODEL [--variants LIST]                            a trained run, or a .keras in its run folder
python -m export MODEL.tflite --labels FILE --calibration DIR [--test DIR]   anyone's float .tflite
"""

import argparse
import os
from pathlib import Path
from typing import TYPE_CHECKING

from device import command, files, options, text, variants
from device.errors import UserError

if TYPE_CHECKING:
    from device.exports import Export, ExportedVariant, Inputs
    from export.sources import Source

ALL = ",".join(variants.NAMES)


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(
        prog="python -m export", description="A trained model to .tflite variants, each checked against its source."
    )
    top.add_argument("model", type=Path, metavar="RUN|MODEL", help="a run folder, its model.keras, or a float .tflite")
    top.add_argument("--variants", default=ALL, metavar="LIST", help=f"which to keep (default {ALL})")
    top.add_argument("--run", type=Path, metavar="DIR", help="files go to DIR/export (default: the run's folder)")
    top.add_argument("--pictures", type=int, default=200, metavar="N", help="calibration pictures (default 200)")
    top.add_argument("--seed", type=int, default=1, help="which calibration and golden pictures are drawn")
    top.add_argument("--drawn-golden", action="store_true", help="draw the golden pictures, for a file to commit")
    top.add_argument("--again", action="store_true", help="export even if nothing has changed")
    group = options.add_hints(top, "for anyone's float .tflite")
    group.add_argument(
        "--calibration", type=Path, metavar="DIR", help="pictures to calibrate with (its train/, if any)"
    )
    group.add_argument("--test", type=Path, metavar="DIR", help="class folders of test pictures")
    return top


def main() -> int:
    given = parser().parse_args()
    wanted = list(dict.fromkeys(name.strip() for name in given.variants.split(",") if name.strip()))
    if unknown := [name for name in wanted if name not in variants.NAMES]:
        raise UserError(f"unknown variant {unknown[0]!r}, expected some of {ALL}")
    if not wanted:
        raise UserError(f"--variants names none, expected some of {ALL}")
    if given.pictures < 1 or given.seed < 0:
        raise UserError("--pictures must be at least 1 and --seed at least 0")
    _check_epoch()
    from export import sources

    hints = options.hints(given)
    source = sources.find(
        sources.Request(given.model, hints, given.calibration, given.test, given.run, given.pictures, given.seed)
    )
    return _export(source, wanted, given.drawn_golden, given.again)


def _check_epoch() -> None:
    """Before anything is imported: numpy reads it too. See https://reproducible-builds.org/specs/source-date-epoch"""
    epoch = os.environ.get("SOURCE_DATE_EPOCH")
    if epoch and not (epoch.isascii() and epoch.isdigit() and len(epoch) < 12):
        raise UserError(f"SOURCE_DATE_EPOCH is {epoch!r}, expected seconds since 1970, such as 1700000000")


def _export(source: "Source", wanted: list[str], drawn: bool, again: bool) -> int:
    from export import variants

    folder = source.folder / "export"
    if not again and _is_up_to_date(folder, variants.inputs(source, wanted, drawn)):
        command.say(f"{folder}: up to date (same model, same settings); --again exports it anew")
        return command.GOOD
    files.check_writable(folder, "--run")
    made = variants.export(source, wanted, drawn)
    command.show(lines(made))
    kept = [row for row in made.variants if row.file]
    _say_next(kept, source.folder)
    if len(kept) < len(wanted):
        command.say(f"{len(wanted) - len(kept)} of {len(wanted)} variants were not kept; see above why")
        return command.JUDGED_BAD
    return command.GOOD


def _say_next(kept: "list[ExportedVariant]", folder: Path) -> None:
    """int8 is what a board wants; where there is none, the last that was kept."""
    if not kept:
        return
    best = next((row for row in kept if row.variant == "int8"), kept[-1])
    model = folder / "export" / str(best.file)
    command.say_next(
        ("device", "classify", model, "IMAGE"),
        ("device", "live", model, "--serve"),
        ("benchmarks", "latency", folder),
        ("benchmarks", "report", folder, "-o", folder / "report.html"),
    )


def _is_up_to_date(folder: Path, inputs: "Inputs") -> bool:
    """Whether the same inputs have made every file that is wanted, and the files are still those."""
    from device import exports

    made = exports.read_if_whole(folder)
    if made is None or made.status != exports.DONE or made.inputs != inputs:
        return False
    return all(row.file and _sha256(folder / row.file) == row.sha256 for row in made.variants)


def _sha256(path: Path) -> str | None:
    import hashlib

    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError:
        return None


def lines(made: "Export") -> list[str]:
    """One row a variant: size, accuracy (of labels that are not equally common also the balanced one, and the worst
    label), and how far it is from its source.
    """
    from device.evaluation import by_label

    uneven = by_label.are_uneven(made.variants)
    beside = by_label.HEADER if uneven else ()
    header = ("variant", "size", "accuracy", *beside, "agreement", "largest error", "mean error")
    rows = [
        [
            row.variant,
            text.size(row.file_bytes),
            text.accuracy(row.top1, row.interval, row.n),
            *(by_label.cells(row) if uneven else ()),
            text.percent(row.agreement),
            _error(row, row.largest_error),
            _error(row, row.mean_error),
        ]
        for row in made.variants
    ]
    first = made.variants[0]
    note = f"compared with {made.reference} on the {first.split} pictures, through device"
    if first.split == "cross-validation":
        note = (
            f"compared with {made.reference} on the training pictures, through device; accuracy:"
            " cross-validated, each picture by a head that has not seen it"
        )
    if first.split == "calibration":
        note += f"; these {first.n} calibrated it: --test DIR shows what it does on others"
    return [*text.table(header, rows), note]


def _error(row: "ExportedVariant", value: float | None) -> str:
    if row.agreement is None:  # it could not be run
        return "-"
    return "not finite" if value is None else f"{value:.2g}"


if __name__ == "__main__":
    command.run(main)
