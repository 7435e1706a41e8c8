"""What a maker's compiler (Hailo's, Sony's for the IMX500, Coral's …) is given: all of it in one folder, and no more.

NAME_float32.tflite    the float network; NAME_int8.tflite where that was kept, model.keras of a run
calibration.npy        the calibration images as pixels: uint8 [images, height, width, RGB]
normalization.json     mean and std: the network is fed (pixel - mean) / std
labels.txt             a label a line, in output order
expected_scores.npy    what NAME_float32.tflite gives for them in LiteRT: float32 [images, outputs]
README.md              what is what, and how to compare
"""

import json
import secrets
import shutil
from collections.abc import Collection, Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt

from device import command, files
from device.errors import UserError
from device.evaluation.exports import Export
from device.inference import runtime
from device.model import card as cards
from device.model import channels
from device.model.card import InputSpec
from export.conversion import pixels
from export.handover import readme
from export.source.sources import ExportSource

# The variants whose networks go with it.
GIVEN = ("float32", "int8")


def check(target: Path, variants: Collection[str]) -> None:
    """UserError, before any work, if the folder has files (none is overwritten) or float32 isn't exported."""
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise UserError(f"{target}: something lies there, expected a new folder; name another, or move it")
    if "float32" not in variants:
        raise UserError("what is handed over is float32, which is not among the variants (--variants); add it")
    files.check_writable(target, "--hand-over")


def write(target: Path, source: ExportSource, exported: Path, made: Export) -> None:
    """Writes the whole folder, or nothing. exported: the folder of the files. UserError if float32 was not kept."""
    kept = {row.variant: exported / row.file for row in made.variants if row.file and row.variant in GIVEN}
    if "float32" not in kept:
        raise UserError(f"{exported}: float32 was not kept, so there is nothing to hand over; see above why")
    target = target.absolute()
    begun = target.with_name(f".{target.name}.{secrets.token_hex(4)}")
    begun.mkdir(parents=True)
    try:
        with files.naming(target):
            _fill(begun, source, kept)
            text = readme.lines(source, list(kept), made)
            (begun / "README.md").write_text("".join(f"{line}\n" for line in text), encoding="utf-8")
        if target.exists():
            target.rmdir()  # an empty one
        begun.rename(target)
    finally:
        shutil.rmtree(begun, ignore_errors=True)
    command.say(f"{target}: handed over: {', '.join(sorted(path.name for path in target.iterdir()))}")


def _fill(folder: Path, source: ExportSource, kept: Mapping[str, Path]) -> None:
    for variant, path in kept.items():
        # Without the archive behind the network: a compiler has no use for it.
        (folder / f"{source.name}_{variant}.tflite").write_bytes(cards.network_bytes(path))
    if source.is_run:
        shutil.copyfile(source.model, folder / "model.keras")
    spec, images = pixels.fed(source.input), source.calibration.images
    scores = expected(folder / f"{source.name}_float32.tflite", images, spec)
    np.save(folder / "calibration.npy", np.asarray(images))
    np.save(folder / "expected_scores.npy", scores)
    normalization = {"mean": channels.each(spec.mean), "std": channels.each(spec.std)}
    (folder / "normalization.json").write_text(json.dumps(normalization, indent=1) + "\n", encoding="utf-8")
    (folder / "labels.txt").write_text("".join(f"{label}\n" for label in source.labels), encoding="utf-8")


def expected(model: Path, images: npt.NDArray[np.uint8], spec: InputSpec) -> npt.NDArray[np.float32]:
    """The raw scores of the float network in LiteRT, [images, outputs]."""
    interpreter = runtime.find("litert").open(model, 1)
    rows = [runtime.run_once(interpreter, tensor) for tensor in pixels.tensors(images, spec)]
    return np.stack(rows).astype(np.float32)
