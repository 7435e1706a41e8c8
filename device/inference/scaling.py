"""From pixels to the numbers that a network is fed: (pixel - mean) / std, exact and the same on every processor.

A pixel has 256 values, so the numbers are a table: of one column where mean and std hold for all channels, else of
three. For a quantized network the table holds the codes of its numbers.
"""

from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from device.inference.model_spec import Tensor
from device.model import channels
from device.model.card import InputSpec

Table = npt.NDArray[Any]
Pixels = npt.NDArray[np.uint8]


def of(spec: InputSpec, tensor: Tensor) -> "Scaling | None":
    """For one network's input; None where the pixel itself is what it takes.

    So it is with uint8 and int8 inputs wherever 0 and 255 are their lowest and highest number.
    """
    return None if _spans_pixels(spec, tensor) else Scaling(_table(spec, tensor), spec)


def numbers(spec: InputSpec) -> npt.NDArray[np.float32]:
    """What each of the 256 pixel values becomes: [256], or [256, 3] where the channels differ."""
    mean, std = _mean_and_std(spec)
    table: npt.NDArray[np.float32] = (np.arange(256, dtype=np.float32)[:, None] - mean) / std
    return table if isinstance(spec.mean, tuple) or isinstance(spec.std, tuple) else np.ascontiguousarray(table[:, 0])


def _mean_and_std(spec: InputSpec) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Each [3]: for red, green and blue."""
    return np.array(channels.each(spec.mean), np.float32), np.array(channels.each(spec.std), np.float32)


def _spans_pixels(spec: InputSpec, tensor: Tensor) -> bool:
    if tensor.dtype == np.float32:
        return False
    codes = np.iinfo(tensor.dtype)
    mean, std = np.array(channels.each(spec.mean)), np.array(channels.each(spec.std))
    ends = ((0, int(codes.min)), (255, int(codes.max)))
    return all(bool((abs((pixel - mean) / std - tensor.real(code)) <= 2 * tensor.scale).all()) for pixel, code in ends)


def _table(spec: InputSpec, tensor: Tensor) -> Table:
    table = numbers(spec)
    if tensor.dtype == np.float32:
        return table
    codes, limits = np.round(table / tensor.scale) + tensor.zero_point, np.iinfo(tensor.dtype)
    quantized: Table = np.clip(codes, limits.min, limits.max).astype(tensor.dtype)
    return quantized


class Scaling:
    """Writes what pixels become by a table. Keeps memory for it, so it belongs to one thread.

    OpenCV's look-up in three columns takes twice the time of one in a single column. So where there are three, the
    channels are taken apart for codes; and float32 numbers are computed as the table's were, to the same bits. (The
    division is numpy's: OpenCV's isn't exact on 32-bit ARM.)
    """

    def __init__(self, table: Table, spec: InputSpec) -> None:
        self.table = table
        self._spec = spec
        self._columns = [np.ascontiguousarray(column) for column in table.T] if table.ndim == 2 else []
        self._shape: tuple[int, ...] = ()
        self._kept: list[Table] = []

    def write(self, image: Pixels, into: Table) -> None:
        """image: RGB, [height, width, 3]; into: of the same shape and the table's type."""
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
        """mean and std for every pixel; or three planes of pixels and three of codes."""
        if self.table.dtype == np.float32:
            return [np.ascontiguousarray(np.broadcast_to(one, shape)) for one in _mean_and_std(self._spec)]
        return [np.empty(shape[:2], dtype) for dtype in (np.uint8, self.table.dtype) for _ in range(3)]
