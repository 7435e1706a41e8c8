"""Keeps memory that a training step frees for the next one.

glibc returns freed memory at the end of its heap to the kernel, and every training step frees much: the kernel then
zeroes the same pages hundreds of times per second. On a slow machine that is half of the training time
(docs/results.md, 2026-11-26).
"""

import ctypes
import sys

# https://www.gnu.org/software/libc/manual/html_node/Malloc-Tunable-Parameters.html, numbers as in malloc.h
TRIM_THRESHOLD, TOP_PAD, MMAP_THRESHOLD = -1, -2, -3
SETTINGS = {
    MMAP_THRESHOLD: 1 << 30,  # blocks below it lie in the heap, and are kept with it
    TRIM_THRESHOLD: (1 << 31) - 1,  # so much may be free at its end
    TOP_PAD: 1 << 26,  # it grows by so much
}


def keep_freed() -> None:
    """Applies from here on in this process; does nothing without glibc."""
    if sys.platform != "linux":  # on Windows there isn't even a library to ask
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        for parameter, value in SETTINGS.items():
            mallopt(parameter, value)
