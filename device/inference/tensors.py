"""A network's input and output, as its interpreter describes them: those of an image classifier."""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from device.errors import UserError
from device.model import shapes

CONVERT_IT = "convert it so, or give an image classifier"


@dataclass(frozen=True)
class Tensor:
    """A network's input or output: index, shape, type and quantization (scale 0 if it has none).

    is_open: the file leaves height or width to the user (device/model/shapes.py).
    """

    index: int
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    scale: float
    zero_point: int
    is_open: bool = False

    @property
    def count(self) -> int:
        """The number of elements; for an output, of scores."""
        return math.prod(self.shape)

    def real(self, quantized: int) -> float:
        """The real number of a quantized value."""
        return (quantized - self.zero_point) * self.scale


def of(interpreter: Any, path: Path) -> tuple[Tensor, Tensor]:
    """(input, output) of an image classifier; UserError if the network is none."""
    inputs, outputs = interpreter.get_input_details(), interpreter.get_output_details()
    for end, details in (("input", inputs), ("output", outputs)):
        if len(details) != 1:
            names = ", ".join(f"{item['name']} {item['shape'].tolist()}" for item in details)
            raise UserError(
                f"{path}: the network has {len(details)} {end}s ({names}), expected one: an image in, a score a label"
                " out; give an image classifier, which a detector is not"
            )
    source, output = (_tensor(details[0]) for details in (inputs, outputs))
    if len(source.shape) != 4 or source.shape[0] != 1 or source.shape[3] != 3 or not source.count:
        raise UserError(f"{path}: the input is {list(source.shape)}, expected [1, height, width, 3]; {CONVERT_IT}")
    # Fully convolutional networks end in [1, 1, 1, labels], others in [labels].
    if not output.shape or not output.count or sum(side != 1 for side in output.shape) > 1:
        raise UserError(f"{path}: the output is {list(output.shape)}, expected [1, labels]; {CONVERT_IT}")
    for end, tensor in (("input", source), ("output", output)):
        if tensor.dtype not in (np.float32, np.uint8, np.int8):
            raise UserError(f"{path}: the {end} is {tensor.dtype}, expected float32, uint8 or int8; {CONVERT_IT}")
        if tensor.dtype != np.float32 and not tensor.scale:
            raise UserError(f"{path}: the {tensor.dtype} {end} has no quantization scale, expected one; {CONVERT_IT}")
    return source, output


def _tensor(details: dict[str, Any]) -> Tensor:
    scale, zero_point = details["quantization"]
    shape = tuple(int(side) for side in details["shape"])
    is_open = shapes.is_open(details)
    return Tensor(details["index"], shape, np.dtype(details["dtype"]), float(scale), int(zero_point), is_open)
