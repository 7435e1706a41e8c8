"""A teacher: a trained network whose answers another one learns in place of the labels (distillation).

It is shown the very pictures that the learner is shown, changed and mixed as they are, and its probabilities are the
targets (Beyer et al., 2021, "Knowledge distillation: a good teacher is patient and consistent",
https://arxiv.org/abs/2106.05237).
"""

import json
from pathlib import Path
from typing import Any

from device.errors import UserError
from device.folders import Cache
from train import networks, runs
from train.batches import Teacher


def load(path: Path, cache: Cache) -> Teacher:
    """The one in a run folder or a .keras file; UserError where it was made for other pictures or labels."""
    file = runs.find_model(path, "the teacher")
    model = networks.load(file)
    height, width = cache.size
    expected = (None, height, width, 3), (None, len(cache.labels))
    if (model.input_shape, model.output_shape) != expected:
        raise UserError(
            f"{file}: the teacher turns {_sides(model.input_shape)} pixels into {model.output_shape[-1]} scores,"
            f" expected {height}x{width} and {len(cache.labels)}, as the data has them"
        )
    labels = _labels(path)
    if labels is not None and labels != list(cache.labels):
        raise UserError(f"{path}: the teacher's labels are {', '.join(labels[:5])} …, those of the data are others")
    answer: Teacher = model.predict_on_batch
    return answer


def _sides(shape: Any) -> str:
    return "x".join(str(side) for side in shape[1:3])


def _labels(path: Path) -> list[str] | None:
    """Of a run folder; a model alone doesn't say what it was trained on."""
    record = runs.Run(path).record
    return json.loads(record.read_bytes())["data"]["labels"] if record.is_file() else None
