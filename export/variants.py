"""The way of one export: float32, then each variant from it; a rescue where that is asked for; export.json last."""

import tempfile
from dataclasses import fields
from pathlib import Path

from device import command, files, locks
from device.evaluation import exports
from device.evaluation.exports import CalibrationRows, Export, ReferenceComparison, Rescue
from device.model.variants import NAMES
from export.checks import layers
from export.checks import reference as references
from export.conversion import pixels
from export.inputs import goldens, inputs
from export.making import Maker
from export.options import ExportOptions
from export.rescue import rescued
from export.rescue.build import PLAIN
from export.source.sources import ExportSource

# The file that is made otherwise where int8 loses too much.
RESCUED = "int8_rescued"


def export(source: ExportSource, options: ExportOptions) -> Export:
    """Writes source.folder/export/NAME_VARIANT.tflite for every sound variant, then export.json; returns that document.

    UserError when float32 itself is not sound, where there are too few images for a rescue, and where another process
    works in the folder: one that trains there would move it away.
    """
    if options.rescue:
        rescued.check(source)
    with locks.held(source.folder, "an export"):
        _move_aside(source.folder / "export", source.model_sha256)
        return _export(source, options)


def _move_aside(folder: Path, model_sha256: str) -> None:
    """The export of another model is kept under another name: files of one name come from many tools."""
    before = exports.read_if_whole(folder)
    if before is None or before.inputs.model_sha256 == model_sha256:
        return
    moved = folder.rename(files.aside(folder))
    command.say(f"note: {folder}: the export of another model that lay there is kept as {moved}")


def _export(source: ExportSource, options: ExportOptions) -> Export:
    folder = source.folder / "export"
    if pixels.differ(source.input):
        command.say(
            "note: the channels' mean and std differ, so they go into the network: its files take pixels 0..255"
        )
    with tempfile.TemporaryDirectory(prefix="framelite-") as name:
        scratch = Path(name)
        float32, reference = references.of(source, scratch)
        maker = Maker(source, float32, reference, goldens(source, reference, options.drawn_golden), scratch)
        rows = []
        for variant in NAMES:
            if variant not in options.variants and variant != "float32":
                continue
            command.say(f"{variant}: making and checking it on {len(reference.images)} images …")
            made = maker.made(variant)
            if variant in options.variants:
                rows.append(maker.keep(made))
                if rows[-1].layers:
                    layers.draw(rows[-1].layers, folder / "layers.png")
        mended = _rescue(maker, options.max_drop) if options.rescue and options.max_drop else None
    calibration = CalibrationRows(**vars(source.calibration.recorded), rows=source.calibration.rows)
    done = Export(exports.DONE, inputs(source, options), reference.kind, calibration, tuple(rows), mended)
    exports.write(folder, done)
    return done


def _rescue(maker: Maker, max_drop: float) -> Rescue:
    """The chosen file is proved and kept as every variant is, unless it is the plain one, and that was kept."""
    source = maker.source
    (maker.folder / f"{source.name}_{RESCUED}.tflite").unlink(missing_ok=True)
    done = rescued.rescue(source, maker.float32, max_drop, maker.scratch)
    made = maker.prove("int8", done.found.chosen.made, list(done.unlike))
    is_there = done.found.chosen.means == PLAIN and (maker.folder / f"{source.name}_int8.tflite").exists()
    kept = made.row if is_there else maker.keep(made, RESCUED)
    comparison = ReferenceComparison(**{each.name: getattr(kept, each.name) for each in fields(ReferenceComparison)})
    return Rescue(
        max_drop, source.validation.split, done.found.steps, comparison, kept.file, kept.sha256, kept.file_bytes
    )
