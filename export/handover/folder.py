"""What a maker's compiler (Hailo's, Sony's for the IMX500, Coral's …) is given: all of it in one folder, and no more.

NAME_float32.tflite    the float network; NAME_int8.tflite where that was kept, model.keras of a run
calibration.npy        the calibration images as pixels: uint8 [images, height, width, RGB]
normalization.json     mean and std: the network is fed (pixel - mean) / std
labels.txt             a label a line, in output order
expected_scores.npy    what NAME_float32.tflite gives for them in LiteRT: float32 [images, outputs]
README.md              what is what, and how to compare

After a rescue NAME_int8_rescued.tflite stands in the place of NAME_int8.tflite. If its channels were equalized there is
NAME_float32_equalized.tflite too: a compiler that quantizes that gains what the rescue gained by it.
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
from device.evaluation.exports import RESCUED, Export
from device.inference import runtime
from device.model import card as cards
from device.model import channels
from device.model.card import InputSpec
from export.conversion import pixels
from export.handover import readme
from export.rescue import rescued
from export.source.sources import ExportSource

# The files whose networks go with it.
GIVEN = ("float32", "int8", RESCUED)


def check(target: Path, variants: Collection[str]) -> None:
    """UserError, before any work, if the folder has files (none is overwritten) or float32 isn't exported."""
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise UserError(f"{target}: something lies there, expected a new folder; name another, or move it")
    if "float32" not in variants:
        raise UserError("what is handed over is float32, which is not among the variants (--variants); add it")
    files.check_writable(target, "--hand-over")


def write(target: Path, source: ExportSource, exported: Path, made: Export) -> None:
    """Writes the whole folder, or nothing. exported: the folder of the files. UserError if float32 was not kept."""
    given = {row.variant: row.file for row in made.standing if row.file and row.variant in GIVEN}
    # Without the archive behind the network: a compiler has no use for it.
    networks = {variant: cards.network_bytes(exported / file) for variant, file in given.items()}
    if "float32" not in networks:
        raise UserError(f"{exported}: float32 was not kept, so there is nothing to hand over; see above why")
    if made.rescue and made.rescue.is_equalized:
        networks[readme.EQUALIZED] = rescued.equalized(source, networks["float32"])
    target = target.absolute()
    begun = target.with_name(f".{target.name}.{secrets.token_hex(4)}")
    try:
        with files.naming(target, begun):
            begun.mkdir(parents=True)
            _fill(begun, source, networks)
            text = readme.lines(source, list(networks), made)
            (begun / "README.md").write_text("".join(f"{line}\n" for line in text), encoding="utf-8")
        if target.exists():
            target.rmdir()  # an empty one
        begun.rename(target)
    finally:
        shutil.rmtree(begun, ignore_errors=True)
    command.say(f"{target}: handed over: {', '.join(sorted(path.name for path in target.iterdir()))}")


def _fill(folder: Path, source: ExportSource, networks: Mapping[str, bytes]) -> None:
    for variant, network in networks.items():
        (folder / f"{source.name}_{variant}.tflite").write_bytes(network)
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
