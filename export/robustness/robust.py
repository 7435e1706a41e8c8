"""`export --robustness`: measured on the files that stand, kept in export.json, drawn beside it."""

from dataclasses import replace
from pathlib import Path

from tqdm import tqdm

from device import command, locks
from device.errors import UserError
from device.evaluation import exports
from device.evaluation.exports import Export
from export.robustness import chart, measure
from export.source.sources import ExportSource

FEWEST = 10


def check(source: ExportSource) -> None:
    """UserError if there are no, or hardly any, labeled images that the network hasn't seen."""
    count = len(source.test) if source.test else 0
    if source.unseen is not None:
        raise UserError(
            f"{source.folder}: the run was judged by cross-validation and has no test images, which robustness needs;"
            " train it with a test: --set test_split=0.2"
        )
    if count < FEWEST:
        raise UserError(
            f"{source.model}: robustness needs labeled test images, at least {FEWEST}; there are {count}; give them"
            " with --test DIR"
        )


def clear(folder: Path) -> None:
    """Removes a chart of files that are no longer there."""
    (folder / exports.ROBUSTNESS_IMAGE).unlink(missing_ok=True)


def added(source: ExportSource, made: Export) -> Export:
    """The document with what was measured, as it is now on the disk. Of an int8 file that was rescued, that one counts.

    Where int8 was not kept there is nothing to compare.
    """
    folder = source.folder / "export"
    files = {plain.variant: row.file for plain, row in zip(made.variants, made.standing, strict=True)}
    float32, int8 = files["float32"], files["int8"]
    if not (float32 and int8):
        command.say("note: robustness is not measured: there is no int8 file to compare")
        return made
    assert source.test is not None
    n = min(measure.MOST, len(source.test))
    command.say(f"robustness: {len(measure.settings())} corruptions of {n} test images …")
    seed = source.calibration.seed
    with (
        locks.held(source.folder, "an export"),
        tqdm(total=n, desc="robustness", unit=" images", disable=None, leave=False) as bar,
    ):
        found = measure.measure(folder / float32, folder / int8, source.test, seed, bar.update)
        chart.draw(found, folder / exports.ROBUSTNESS_IMAGE)
        done = replace(made, robustness=found)
        exports.write(folder, done)
    return done
