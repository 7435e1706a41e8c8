"""The record of a model to export: a run of `train`, or anyone's model."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from device.data.folders import Labeled
from device.data.heads import Heads
from device.evaluation.scaling_choice import ScalingChoice
from device.model import model_kinds
from device.model.card import InputSpec, OutputSpec
from export.conversion import pixels
from export.source.calibration import CalibrationImages
from export.source.held_out import HeldOut
from export.source.unknown_images import UnknownImages


@dataclass(frozen=True)
class ExportSource:
    """A float model with everything for its variants' cards."""

    name: str
    recipe: str | None
    labels: tuple[str, ...]
    input: InputSpec
    output: OutputSpec
    folder: Path  # the run folder; files go to folder/export
    model: Path  # model.keras, or anyone's: a float .tflite, a .keras, a .h5, the folder of a SavedModel
    model_sha256: str
    calibration: CalibrationImages
    test: Labeled | None
    unseen: Heads | None  # of a run that was judged by cross-validation
    provenance: dict[str, Any]
    validation: HeldOut  # neither calibration nor test; the label -1 where none is known
    more: Labeled  # more images to calibrate with
    held_out: HeldOut  # what a card's confidence is fitted on
    unknown: UnknownImages | None
    scaling: ScalingChoice | None = None  # where labeled images chose it
    converted: bytes | None = None  # the bare float32 .tflite of anyone's Keras model or SavedModel

    @property
    def is_run(self) -> bool:
        """Whether it is a run of `train`, whose network takes pixels as they are."""
        return self.recipe is not None

    @property
    def is_keras(self) -> bool:
        """Whether TensorFlow must convert it; a .tflite needs no conversion."""
        return not model_kinds.is_tflite(self.model)

    @property
    def input_range(self) -> tuple[float, float]:
        """The float network's input for the pixels 0 and 255."""
        return pixels.ends(pixels.fed(self.input))

    def tensors(self) -> Iterator[npt.NDArray[np.float32]]:
        """The calibration images as the float network's input tensors."""
        return pixels.tensors(self.calibration.images, pixels.fed(self.input))
