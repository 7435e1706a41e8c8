"""A teacher: a trained network whose answers another one learns in place of the labels (distillation).

It is shown the very images that the learner is shown, changed and mixed as they are, and its probabilities are the
targets (Beyer et al., 2021, "Knowledge distillation: a good teacher is patient and consistent",
https://arxiv.org/abs/2106.05237).
"""

import threading
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from device import command, text
from device.data.folders import Cache
from device.errors import UserError
from train.data.batches import Teacher
from train.networks import networks
from train.run import runs


def load(path: Path, cache: Cache) -> Teacher:
    """The one in a run folder or a .keras file; UserError where it was made for other images or labels."""
    file = runs.find_model(path, "the teacher")
    model = networks.load(file)
    height, width = cache.size
    expected = (None, height, width, 3), (None, len(cache.labels))
    if (model.input_shape, model.output_shape) != expected:
        raise UserError(
            f"{file}: the teacher turns {_sides(model.input_shape)} pixels into {model.output_shape[-1]} scores,"
            f" expected {height}x{width} and {len(cache.labels)}, as the data has them"
        )
    labels = runs.labels_of(file)
    if labels is None:
        command.say(f"note: {file}: the teacher's labels aren't known; they are taken to be {text.some(cache.labels)}")
    elif labels != cache.labels:
        raise UserError(
            f"{file}: the teacher's labels are {text.some(labels)}, those of the data {text.some(cache.labels)}"
        )
    one_at_a_time = threading.Lock()  # batches are made by several threads, and Keras keeps state while it answers

    def answer(images: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
        with one_at_a_time:
            return np.asarray(model.predict_on_batch(images), np.float32)

    return answer


def _sides(shape: Any) -> str:
    return "x".join(str(side) for side in shape[1:3])
