"""Scales pixels to a network's numbers: (pixel - mean) / std, exact and the same on every processor.

A pixel has 256 values, so a lookup table holds all results: one column if mean and std are the same for all channels,
else three. For a quantized network the table holds quantized values.
"""

from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from device.images.images import Pixels
from device.inference.tensors import Tensor
from device.model import channels
from device.model.card import InputSpec

Table = npt.NDArray[Any]


def of(spec: InputSpec, tensor: Tensor) -> "Scaling | None":
    """The scaling of a network's input; None if the network takes pixels as they are.

    That is so for uint8 and int8 inputs whose lowest and highest value stand for the pixels 0 and 255.
    """
    return None if _spans_pixels(spec, tensor) else Scaling(_table(spec, tensor), spec)


def numbers(spec: InputSpec) -> npt.NDArray[np.float32]:
    """The lookup table of real numbers: [256], or [256, 3] if the channels differ."""
    mean, std = _mean_and_std(spec)
    table: npt.NDArray[np.float32] = (np.arange(256, dtype=np.float32)[:, None] - mean) / std
    return table if isinstance(spec.mean, tuple) or isinstance(spec.std, tuple) else np.ascontiguousarray(table[:, 0])


def _mean_and_std(spec: InputSpec) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Each [3]: for red, green and blue."""
    return np.array(channels.each(spec.mean), np.float32), np.array(channels.each(spec.std), np.float32)


def _spans_pixels(spec: InputSpec, tensor: Tensor) -> bool:
    if tensor.dtype == np.float32:
        return False
    limits = np.iinfo(tensor.dtype)
    mean, std = np.array(channels.each(spec.mean)), np.array(channels.each(spec.std))
    ends = ((0, int(limits.min)), (255, int(limits.max)))
    return all(bool((abs((pixel - mean) / std - tensor.real(end)) <= 2 * tensor.scale).all()) for pixel, end in ends)


def _table(spec: InputSpec, tensor: Tensor) -> Table:
    table = numbers(spec)
    if tensor.dtype == np.float32:
        return table
    values, limits = np.round(table / tensor.scale) + tensor.zero_point, np.iinfo(tensor.dtype)
    quantized: Table = np.clip(values, limits.min, limits.max).astype(tensor.dtype)
    return quantized


class Scaling:
    """Scales images by a lookup table. Reuses memory, so it belongs to one thread.

    OpenCV's lookup in three columns takes twice as long as in one. So with three columns, quantized values are looked
    up channel by channel, and float32 numbers are computed as the table's were, to the same bits. (numpy divides,
    because OpenCV's division isn't exact on 32-bit ARM.)
    """

    def __init__(self, table: Table, spec: InputSpec) -> None:
        self.table = table
        self._spec = spec
        self._columns = [np.ascontiguousarray(column) for column in table.T] if table.ndim == 2 else []
        self._shape: tuple[int, ...] = ()
        self._kept: list[Table] = []

    def write(self, image: Pixels, into: Table) -> None:
        """Scales an RGB image, [height, width, 3], into an array of the same shape and the table's type."""
        if not self._columns:
            cv2.LUT(image, self.table, dst=into)
            return
        if image.shape != self._shape:
            self._shape, self._kept = image.shape, self._memory(image.shape)
        if self.table.dtype == np.float32:
            mean, std = self._kept
            cv2.subtract(image, mean, dst=into, dtype=cv2.CV_32F)
            np.divide(into, std, out=into)
            return
        planes, found = self._kept[:3], self._kept[3:]
        cv2.split(image, planes)
        for plane, column, out in zip(planes, self._columns, found, strict=True):
            cv2.LUT(plane, column, dst=out)
        cv2.merge(found, into)

    def _memory(self, shape: tuple[int, ...]) -> list[Table]:
        """mean and std for every pixel; or three planes of pixels and three of quantized values."""
        if self.table.dtype == np.float32:
            return [np.ascontiguousarray(np.broadcast_to(one, shape)) for one in _mean_and_std(self._spec)]
        return [np.empty(shape[:2], dtype) for dtype in (np.uint8, self.table.dtype) for _ in range(3)]
