"""A teacher: a trained network whose predictions another one learns instead of the labels (distillation).

It gets the same images as the learner, augmented and mixed in the same way, and its probabilities are the targets
(Beyer et al., 2021, "Knowledge distillation: a good teacher is patient and consistent",
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
    """Loads the model of a run folder or a .keras file; UserError if its image size or labels differ from the
    data's."""
    file = runs.find_model(path, "the teacher")
    model = networks.load(file)
    height, width = cache.size
    expected = (None, height, width, 3), (None, len(cache.labels))
    if (model.input_shape, model.output_shape) != expected:
        raise UserError(
            f"{file}: the teacher takes {_sides(model.input_shape)} images and gives {model.output_shape[-1]} scores,"
            f" expected {height}x{width} and {len(cache.labels)} as in the data; choose a teacher trained on this data"
        )
    labels = runs.labels_of(file)
    if labels is None:
        command.say(f"note: {file}: the teacher's labels are unknown and assumed to be {text.some(cache.labels)}")
    elif labels != cache.labels:
        raise UserError(
            f"{file}: the teacher's labels are {text.some(labels)}, expected those of the data,"
            f" {text.some(cache.labels)}; choose a teacher trained on this data"
        )
    one_at_a_time = threading.Lock()  # several threads make batches, and Keras keeps state while it predicts

    def predict(images: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
        with one_at_a_time:
            return np.asarray(model.predict_on_batch(images), np.float32)

    return predict


def _sides(shape: Any) -> str:
    return "x".join(str(side) for side in shape[1:3])
