"""A Keras model or SavedModel -> float32 .tflite. The only step of export that needs TensorFlow, so it has a process
of its own.

    python -m export.conversion.convert MODEL [--tflite FILE [--single]] [--images NPY --scores NPY --mean M --std S]

The process is fresh on purpose: in the one that trained, tensor names differ, and with them the file's bytes. With
images it also writes what the model itself answers for them, fed as (image - mean) / std: the reference that every
variant is compared with.
"""

import argparse
import errno
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from device import command
from device.errors import UserError
from device.evaluation import batching
from device.model import channels
from device.model.channels import Channels
from export.conversion import tf_keras

if TYPE_CHECKING:
    from export.conversion.loading import LoadedNetwork

# Keras' other backends can't be converted.
ENVIRONMENT = {
    "TF_CPP_MIN_LOG_LEVEL": "3",
    "KERAS_BACKEND": "tensorflow",
    "PYTHONPATH": str(Path(__file__).resolve().parents[2]),
}
# Of the process: it ends where Keras 2 would go on.
NEEDS_KERAS_2 = 4

Pixels = npt.NDArray[np.uint8]
Scores = npt.NDArray[np.float32]


def convert(model: Path, images: Pixels, mean: Channels = 0.0, std: Channels = 1.0) -> tuple[bytes, Scores]:
    """(the float32 .tflite, Keras' scores of the images: n x labels). The model takes (pixel - mean) / std."""
    with tempfile.TemporaryDirectory(prefix="framelite-") as name:
        folder = Path(name)
        _in_a_fresh_process(model, folder, _to_convert(folder) + _to_score(images, folder, mean, std))
        return (folder / "float32.tflite").read_bytes(), np.load(folder / "scores.npy")


def to_tflite(model: Path) -> bytes:
    """The float32 .tflite, which takes a single image."""
    with tempfile.TemporaryDirectory(prefix="framelite-") as name:
        _in_a_fresh_process(model, Path(name), [*_to_convert(Path(name)), "--single"])
        return (Path(name) / "float32.tflite").read_bytes()


def scores(model: Path, images: Pixels, mean: Channels, std: Channels) -> Scores:
    """The model's own scores for the images, [n, labels]."""
    with tempfile.TemporaryDirectory(prefix="framelite-") as name:
        _in_a_fresh_process(model, Path(name), _to_score(images, Path(name), mean, std))
        return np.asarray(np.load(Path(name) / "scores.npy"))


def _to_convert(folder: Path) -> list[str]:
    return ["--tflite", str(folder / "float32.tflite")]


def _to_score(images: Pixels, folder: Path, mean: Channels, std: Channels) -> list[str]:
    scaling = [
        f"--{name}={','.join(map(repr, channels.each(value)))}" for name, value in (("mean", mean), ("std", std))
    ]
    return ["--images", str(file_of(images, folder)), "--scores", str(folder / "scores.npy"), *scaling]


def _in_a_fresh_process(model: Path, folder: Path, words: list[str]) -> None:
    """Runs the converting process; UserError with its reason if the model can't be converted."""
    done = _run(model, folder, words, {})
    if done.returncode == NEEDS_KERAS_2:
        done = _run(model, folder, words, tf_keras.environment(model))
    if not done.returncode:
        return
    # Where TensorFlow can't write it says anything.
    if shutil.disk_usage(folder).free < sum(file.stat().st_size for file in [model, *model.rglob("*")]):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), tempfile.gettempdir())
    reason = (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]
    if done.returncode == command.USER_ERROR:
        raise UserError(reason.removeprefix("error: "))
    raise UserError(
        f"{model}: TensorFlow could not convert the model: {reason}; expected one that it can load; save it anew"
        " from the program that made it, as a SavedModel: model.export(DIR)"
    )


def _run(model: Path, folder: Path, words: list[str], beside: Mapping[str, str]) -> "subprocess.CompletedProcess[str]":
    environment = _environment(folder)
    path = os.pathsep.join(filter(None, (environment["PYTHONPATH"], beside.get("PYTHONPATH"))))
    return subprocess.run(
        [sys.executable, "-m", "export.conversion.convert", str(model), *words],
        stdout=subprocess.DEVNULL,  # Keras says here where its own intermediate files lie
        stderr=subprocess.PIPE,
        text=True,
        env={**environment, **beside, "PYTHONPATH": path},
    )


def _environment(keras_home: Path) -> dict[str, str]:
    """Of a child in which Keras is as it comes: an empty folder in the place of the user's, whose keras.json decides
    the type and layout of layers; and no KERAS_… variables, some of which cut short what is predicted."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("KERAS_", "TF_USE_LEGACY_"))}
    return {**kept, **ENVIRONMENT, "KERAS_HOME": str(keras_home / "keras")}


def file_of(images: Pixels, folder: Path) -> Path:
    """An .npy file of the images: the one that they are memory-mapped from, or a new one."""
    if isinstance(images, np.memmap) and not isinstance(images.base, np.ndarray):  # the whole file, no part of it
        return Path(str(images.filename))
    np.save(folder / "images.npy", images)
    return folder / "images.npy"


def main() -> int:
    options = argparse.ArgumentParser(prog="convert")
    options.add_argument("model", type=Path)
    for name in ("tflite", "images", "scores"):
        options.add_argument(f"--{name}", type=Path)
    for name in ("mean", "std"):
        options.add_argument(f"--{name}", type=channels.parse)
    options.add_argument("--single", action="store_true")
    asked = options.parse_args()
    from export.conversion import loading  # TensorFlow comes in here

    with tempfile.TemporaryDirectory(prefix="framelite-") as scratch:
        try:
            network = loading.load(asked.model, Path(scratch), tf_keras.is_asked_for())
        except loading.NeedsKeras2Error:
            return NEEDS_KERAS_2
        if asked.tflite:
            convert = network.convert_single if asked.single else network.convert
            asked.tflite.write_bytes(_converted(asked.model, convert))
        if asked.images:
            np.save(asked.scores, _scores(network, np.load(asked.images, mmap_mode="r"), asked.mean, asked.std))
    return command.GOOD


def _converted(model: Path, convert: Callable[[], bytes]) -> bytes:
    """UserError that names the operators that TFLite lacks, because the converter's own message fills a page."""
    try:
        return convert()
    except Exception as error:
        if not (lacking := re.findall(r"(?:TF Select|Flex|Custom) ops: (.+)", str(error))):
            raise
        raise UserError(
            f"{model}: the network uses {', '.join(lacking)}, expected operators that TFLite has; leave them out, or"
            " compute the same with others, and save it again"
        ) from None


def _scores(network: "LoadedNetwork", images: Pixels, mean: Channels, std: Channels) -> Scores:
    """Yields a few images at a time."""
    low, span = (np.array(channels.each(value), np.float32) for value in (mean, std))
    step = batching.at_a_time(images.shape[1:], 2_000_000)
    parts = [network.predict((batch.astype(np.float32) - low) / span) for batch in batching.batches(images, step)]
    return np.concatenate([np.asarray(part).reshape(len(part), -1) for part in parts])


if __name__ == "__main__":
    command.run(main)
