"""python -m export RUN [--variants LIST] [--max-drop POINTS]           a trained run
python -m export MODEL --labels FILE --calibration DIR [--test DIR]   anyone's: .tflite, .keras, .h5 or SavedModel
python -m export FOLDER --calibration DIR                             a Teachable Machine project
python -m export inspect FILE.tflite [--json FILE|-]                  what is in a .tflite file
python -m export card RUN                                             MODEL_CARD.md, with what was measured since
"""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from device import command
from device.commands import options
from device.model import variants

if TYPE_CHECKING:
    from export.models import ExportedModels

DEFAULT = ",".join(variants.DEFAULT)
Group = argparse._ArgumentGroup
# With parsers of their own: argparse's subcommands would take any RUN or MODEL for the name of a command.
OTHERS = {
    "inspect FILE.tflite": "what is in a .tflite file",
    "card RUN": "MODEL_CARD.md, with what was measured since",
}


def parser() -> argparse.ArgumentParser:
    program = command.program("export")
    others = [f"  {program} {words:<20} {what}" for words, what in OTHERS.items()]
    top = argparse.ArgumentParser(
        prog=program,
        description="A trained model to .tflite variants, each checked against its source.",
        epilog="\n".join(["other commands:", *others]),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    top.add_argument(
        "model", type=Path, metavar="RUN|MODEL", help="a run, or anyone's .tflite, .keras, .h5 or SavedModel"
    )
    top.add_argument(
        "--variants",
        default=DEFAULT,
        metavar="LIST",
        help=f"which to keep, of {','.join(variants.NAMES)} (default {DEFAULT})",
    )
    top.add_argument("--run", type=Path, metavar="DIR", help="files go to DIR/export (default: the run's folder)")
    top.add_argument("--again", action="store_true", help="export even if nothing has changed")
    _add_judging(top.add_argument_group("accuracy lost to float32"))
    _add_unknown(top.add_argument_group("the threshold of 'unknown'"))
    group = options.add_overrides(top, "for anyone's model", auto=True)
    group.add_argument("--calibration", type=Path, metavar="DIR", help="images to calibrate with (its train/, if any)")
    group.add_argument("--test", type=Path, metavar="DIR", help="class folders of test images")
    _add_advanced(top.add_argument_group("advanced"))
    return top


def _add_judging(group: Group) -> None:
    group.add_argument(
        "--max-drop",
        type=options.percent,
        metavar="POINTS",
        help="accuracy that a variant may lose, such as 0.5; exit 1: one loses more, 3: too few test images to tell",
    )
    group.add_argument(
        "--rescue", action="store_true", help="if int8 loses more than --max-drop, look for a file that doesn't"
    )
    group.add_argument(
        "--robustness", action="store_true", help="compare int8 with float32 on blurred, noisy, dark … test images too"
    )


def _add_unknown(group: Group) -> None:
    group.add_argument(
        "--keep-known", type=float, metavar="SHARE", help="the share of right predictions to keep, such as 0.95"
    )
    group.add_argument("--unknown", type=Path, metavar="DIR", help="images of none of the classes: they choose it")
    group.add_argument(
        "--false-accepts", type=float, metavar="SHARE", help="share of such images that may get a label (default 0.05)"
    )


def _add_advanced(group: Group) -> None:
    group.add_argument(
        "--calibration-samples", type=int, default=200, metavar="N", help="calibration images (default 200)"
    )
    group.add_argument("--seed", type=int, default=1, help="which calibration and golden images are drawn")
    group.add_argument("--drawn-golden", action="store_true", help="draw the golden images, for a file to commit")
    group.add_argument(
        "--for", dest="runtime", metavar="RUNTIME", help="keep only what also runs in tflite-runtime, which is tried"
    )
    group.add_argument(
        "--hand-over", type=Path, metavar="DIR", help="also make a folder for a maker's compiler: float model, images …"
    )


def main() -> int:
    if sys.argv[1:2] == ["inspect"]:
        from export.inspect import listing

        return listing.main(sys.argv[2:])
    if sys.argv[1:2] == ["card"]:
        from export.model_card import writing

        return writing.main(sys.argv[2:])
    given = parser().parse_args()
    # numpy and OpenCV come in here, after --help and wrong options were answered.
    from export.exporting import export

    models = export(
        given.model,
        variants=[name.strip() for name in given.variants.split(",") if name.strip()],
        run=given.run,
        overrides=options.overrides(given),
        calibration=given.calibration,
        test=given.test,
        calibration_samples=given.calibration_samples,
        seed=given.seed,
        max_drop=given.max_drop,
        rescue=given.rescue,
        robustness=given.robustness,
        runtime=given.runtime,
        drawn_golden=given.drawn_golden,
        keep_known=given.keep_known,
        unknown=given.unknown,
        false_accepts=given.false_accepts,
        again=given.again,
        hand_over=given.hand_over,
    )
    if models.is_new:
        command.show(models.lines())
        _say_rescue(models)
        _say_next(models)
    if models.refused:
        wanted = len(models) + len(models.refused)
        command.say(f"{len(models.refused)} of {wanted} variants were not kept; see above why")
        return command.FAILED
    if given.max_drop is None:
        return command.GOOD
    from export.cost import limit

    return limit.EXIT_CODES[models.within(given.max_drop)]


def _say_rescue(models: "ExportedModels") -> None:
    """Where int8 certainly loses accuracy or was not kept, and nothing was tried against it."""
    record = models.record
    int8 = record.int8
    if int8 is None or record.rescue or record.inputs.runtime:
        return
    if int8.failures or (int8.drop_interval and int8.drop_interval[0] > 0):
        command.say("note: --rescue --max-drop POINTS looks for an int8 file that loses less")


def _say_next(models: "ExportedModels") -> None:
    """int8 is what a board wants; where there is none, the last that was kept."""
    if not models:
        return
    run = models.folder.parent
    model = models["int8" if "int8" in models else list(models)[-1]].path
    command.say_next(
        ("device", "classify", model, "IMAGE"),
        ("device", "live", model, "--serve"),
        ("benchmarks", "latency", run),
        ("benchmarks", "report", run, "-o", run / "report.html"),
    )


if __name__ == "__main__":
    command.run(main)
