"""Keras -> float32 .tflite. The only step of export that needs TensorFlow, so it has a process of its own.

    python -m export.conversion.convert model.keras float32.tflite [images.npy scores.npy MEAN STD]

The process is fresh on purpose: in the one that trained, tensor names differ, and with them the file's bytes. With
images it also writes what Keras itself answers for them, fed as (image - mean) / std: the reference that every
variant is compared with.
"""

import errno
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from device.errors import UserError
from device.evaluation import batching
from device.model import channels
from device.model.channels import Channels

if TYPE_CHECKING:
    import keras

# Keras' other backends can't be converted.
ENVIRONMENT = {
    "TF_CPP_MIN_LOG_LEVEL": "3",
    "KERAS_BACKEND": "tensorflow",
    "PYTHONPATH": str(Path(__file__).resolve().parents[2]),
}


def convert(
    model: Path, images: npt.NDArray[np.uint8], mean: Channels = 0.0, std: Channels = 1.0
) -> tuple[bytes, npt.NDArray[np.float32]]:
    """(the float32 .tflite, Keras' scores of the images: n x labels). The model takes (pixel - mean) / std."""
    with tempfile.TemporaryDirectory(prefix="framelite-") as name:
        folder = Path(name)
        files = [str(folder / "float32.tflite"), str(_lying(images, folder)), str(folder / "scores.npy")]
        scaling = [",".join(map(repr, channels.each(value))) for value in (mean, std)]
        done = subprocess.run(
            [sys.executable, "-m", "export.conversion.convert", str(model), *files, *scaling],
            stdout=subprocess.DEVNULL,  # Keras says here where its own intermediate files lie
            stderr=subprocess.PIPE,
            text=True,
            env=_environment(folder),
        )
        if done.returncode:
            if shutil.disk_usage(folder).free < model.stat().st_size:  # where TensorFlow can't write it says anything
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), tempfile.gettempdir())
            lines = done.stderr.strip().splitlines() or [f"exit code {done.returncode}"]
            raise UserError(f"{model}: TensorFlow could not convert the model: {lines[-1]}")
        return (folder / "float32.tflite").read_bytes(), np.load(folder / "scores.npy")


def _environment(keras_home: Path) -> dict[str, str]:
    """Of a child in which Keras is as it comes: an empty folder in the place of the user's, whose keras.json decides
    the type and layout of layers; and no KERAS_… variables, some of which cut short what is predicted."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("KERAS_")}
    return {**kept, **ENVIRONMENT, "KERAS_HOME": str(keras_home / "keras")}


def _lying(images: npt.NDArray[np.uint8], folder: Path) -> Path:
    """An .npy file of the images: the one that they are mapped from, or a new one."""
    if isinstance(images, np.memmap) and not isinstance(images.base, np.ndarray):  # the whole file, no part of it
        return Path(str(images.filename))
    np.save(folder / "images.npy", images)
    return folder / "images.npy"


def with_softmax(model: "keras.Model") -> "keras.Model":
    """The model with one output a label: a one-sigmoid head becomes the equal two-output softmax.

    sigmoid(z) = softmax([-z/2, z/2])[1], so the weights become [-w/2, w/2]; no operator is added, and stock clients,
    which refuse a single output, load the file.
    """
    import keras

    head = model.layers[-1]
    if not (isinstance(head, keras.layers.Dense) and head.units == 1 and head.activation.__name__ == "sigmoid"):
        return model
    weights = head.get_weights()
    pair = keras.layers.Dense(2, activation="softmax", use_bias=head.use_bias, name=head.name)
    changed = keras.Model(model.inputs, pair(head.input), name=model.name)
    pair.set_weights([np.concatenate([-part / 2, part / 2], axis=-1) for part in weights])
    return changed


def main() -> None:
    import keras
    import tensorflow as tf

    source, target, images, scores = map(Path, sys.argv[1:5])
    mean, std = (np.array(channels.each(channels.parse(text)), np.float32) for text in sys.argv[5:7])
    model = with_softmax(keras.models.load_model(source, compile=False))
    target.write_bytes(tf.lite.TFLiteConverter.from_keras_model(model).convert())
    array = np.load(images, mmap_mode="r")
    step = batching.at_a_time(array.shape[1:], 2_000_000)
    parts = [model.predict_on_batch((batch.astype(np.float32) - mean) / std) for batch in batching.batches(array, step)]
    np.save(scores, np.concatenate(parts) if parts else np.zeros((0, model.output_shape[-1]), np.float32))


if __name__ == "__main__":
    main()
