"""Processes many images in flat memory: how many at a time, and how to release what was read."""

import mmap
from collections.abc import Iterator, Sequence
from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt

MOST = 500


def at_a_time(shape: Sequence[int], numbers: int) -> int:
    """The batch size for images of a shape: as many as have `numbers` numbers together, 1 to 500.

    A layer's output has up to eight times as many numbers as the image in the usual networks (VGG: 21 times), and two
    or three outputs are in memory at once. So a million numbers of input need about 100 MB.
    """
    return max(1, min(MOST, numbers // prod(shape)))


def batches(images: npt.NDArray[Any], step: int) -> Iterator[npt.NDArray[Any]]:
    """Yields copies of `step` rows at a time; no more than that of a memory-mapped file stays in memory."""
    for start in range(0, len(images), step):
        yield np.array(images[start : start + step])
        let_go(images)


def let_go(images: object) -> None:
    """Releases the pages of a memory-mapped array; they are read again when needed. Other arrays stay as they are.

    Written pages are kept in the file (madvise(2): MADV_DONTNEED of a shared mapping); mode 'c' has no file.
    """
    mapped = getattr(images, "_mmap", None)
    if mapped is not None and getattr(images, "mode", "c") != "c" and hasattr(mmap, "MADV_DONTNEED"):
        mapped.madvise(mmap.MADV_DONTNEED)
