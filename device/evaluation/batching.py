"""Many images in memory that doesn't grow with them: how many at a time, and what was read is let go."""

import mmap
from collections.abc import Iterator, Sequence
from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt

MOST = 500


def at_a_time(shape: Sequence[int], numbers: int) -> int:
    """How many images of a shape to ask a network about together: as many as have `numbers` numbers, 1 to 500.

    What a layer gives of an image is up to eight times as many numbers in the usual networks (VGG: 21 times), and two
    or three layers' lie in memory at once. So a million numbers of input ask for about 100 MB.
    """
    return max(1, min(MOST, numbers // prod(shape)))


def batches(images: npt.NDArray[Any], step: int) -> Iterator[npt.NDArray[Any]]:
    """Copies of `step` rows after another; of a memory-mapped file no more than that stays in memory."""
    for start in range(0, len(images), step):
        yield np.array(images[start : start + step])
        let_go(images)


def let_go(images: object) -> None:
    """Of a memory-mapped array: its pages don't count as this process's memory until they are read again.

    What was written stays, the file has it (madvise(2): MADV_DONTNEED of a shared mapping); mode 'c' has no file.
    """
    mapped = getattr(images, "_mmap", None)
    if mapped is not None and getattr(images, "mode", "c") != "c" and hasattr(mmap, "MADV_DONTNEED"):
        mapped.madvise(mmap.MADV_DONTNEED)
