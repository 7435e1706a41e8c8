"""The way of one export: float32, then each variant from it; a rescue where that is asked for; export.json last."""

import tempfile
from collections.abc import Sequence
from dataclasses import fields, replace
from pathlib import Path

from device import command, files, locks
from device.evaluation import exports
from device.evaluation.cost_table import FLOAT32
from device.evaluation.exports import RESCUED, CalibrationRows, Export, ExportedVariant, ReferenceComparison, Rescue
from device.explain import sheet
from device.model.variants import NAMES
from export.checks import layers
from export.checks import reference as references
from export.checks.reference import Reference
from export.confidence import fitted, report
from export.confidence.fitted import ConfidenceFitter
from export.conversion import pixels
from export.cost import measured
from export.inputs import goldens, inputs
from export.making import Maker
from export.options import ExportOptions
from export.rescue import rescued
from export.rescue.build import PLAIN
from export.runtimes import trials
from export.source.sources import ExportSource


def export(source: ExportSource, options: ExportOptions) -> Export:
    """Writes source.folder/export/NAME_VARIANT.tflite for every sound variant, then export.json; returns that document.

    UserError when float32 itself is not sound, where there are too few images for a rescue or a threshold, and where
    another process works in the folder: one that trains there would move it away.
    """
    if options.rescue:
        rescued.check(source)
    fitted.check(source, options.threshold)
    with locks.held(source.folder, "an export"):
        files.remove_unfinished(source.folder / "export")
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
            "note: the channels' scaling or their order goes into the network: its files take RGB pixels 0..255"
        )
    with (
        files.naming(Path(tempfile.gettempdir())),
        tempfile.TemporaryDirectory(prefix="framelite-") as name,
        trials.begun(options.runtime) as begun,
    ):
        scratch = Path(name)
        float32, reference = references.of(source, scratch)
        golden = goldens(source, reference, options.drawn_golden)
        fitter = ConfidenceFitter(source, options.threshold, options.variants, reference)
        maker = Maker(source, float32, reference, golden, scratch, fitter, begun)
        rows: list[ExportedVariant] = []
        for variant in NAMES:
            if variant not in options.variants and variant != "float32":
                continue
            command.say(f"{variant}: making and checking it on {len(reference.images)} images …")
            made = maker.made(variant)
            if variant in options.variants:
                rows.append(maker.keep(made))
                _draw(rows[-1], reference, folder)
        if note := report.note(rows):
            command.say(f"note: {note}")
        timed = {name: maker.file(name) for name in (FLOAT32, *(row.variant for row in rows if row.cost))}
        rows = measured.completed(rows, timed, reference.images, folder)
        mended = _rescue(maker, options.max_drop) if options.rescue and options.max_drop else None
    calibration = CalibrationRows(**vars(source.calibration.recorded), rows=source.calibration.rows)
    done = Export(
        exports.DONE, inputs(source, options), reference.kind, calibration, tuple(rows), mended, scaling=source.scaling
    )
    exports.write(folder, done)
    for stale in _earlier(folder, source.name, done.rows):
        command.say(f"note: {stale}: of an earlier export, this one didn't make it; delete it, or export it too")
    return done


def _earlier(folder: Path, name: str, rows: Sequence[ExportedVariant]) -> list[Path]:
    """Variants, or a rescued file, that lie beside those of this export, and that export.json doesn't list."""
    files = [folder / f"{name}_{variant}.tflite" for variant in (*NAMES, RESCUED)]
    return [path for path in files if path.exists() and path.name not in {row.file for row in rows}]


def _draw(row: ExportedVariant, reference: Reference, folder: Path) -> None:
    """What is rather looked at than read: the noise of its layers, and what speaks for int8's wrong predictions."""
    if row.layers:
        layers.draw(row.variant, row.layers, folder / f"layers_{row.variant}.png")
    if row.variant == "int8" and row.file and reference.labeled:
        sheet.write(folder / row.file, reference.images, folder / exports.EXPLAINED_IMAGE)


def _rescue(maker: Maker, max_drop: float) -> Rescue:
    """The chosen file is proved and kept as every variant is, unless it is the plain one, and that was kept."""
    source = maker.source
    for stale in (f"{source.name}_{RESCUED}.tflite", f"flips_{RESCUED}.png"):
        (maker.folder / stale).unlink(missing_ok=True)
    done = rescued.rescue(source, maker.float32, max_drop, maker.scratch)
    made = maker.proved("int8", done.found.chosen.made, list(done.unlike), RESCUED)
    is_there = done.found.chosen.means == PLAIN and (maker.folder / f"{source.name}_int8.tflite").exists()
    kept = made.row if is_there else maker.keep(made, RESCUED)
    if kept.file:
        kept = _completed(maker, kept)
    comparison = ReferenceComparison(**{each.name: getattr(kept, each.name) for each in fields(ReferenceComparison)})
    written = kept.file, kept.sha256, kept.file_bytes, kept.runtimes, kept.cost
    shares_images = source.unseen is not None
    return Rescue(max_drop, source.validation.images.split, done.found.steps, comparison, *written, shares_images)


def _completed(maker: Maker, kept: ExportedVariant) -> ExportedVariant:
    """The rescued file's row with its latency; its flips and its wrong predictions are drawn as every variant's are."""
    images, folder = maker.reference.images, maker.folder
    if maker.reference.labeled:
        sheet.write(folder / str(kept.file), images, folder / exports.EXPLAINED_IMAGE)
    timed = {FLOAT32: maker.file(FLOAT32), RESCUED: maker.file("int8")}
    (row,) = measured.completed([replace(kept, variant=RESCUED)], timed, images, folder)
    return row
