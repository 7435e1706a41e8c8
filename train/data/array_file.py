"""Writes an .npy file row by row. A full disk raises an error instead of killing the process.

A memory-mapped file is sparse: on a full disk the kernel can only send SIGBUS to the writer of a byte. So this reserves
the space first, if the system can, and writes rows instead of mapping them.
"""

import contextlib
import errno
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

# A file system that can't reserve fails at the first row that doesn't fit.
CANNOT_RESERVE = {errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL, errno.EPERM}

Append = Callable[[npt.NDArray[Any]], None]


@contextlib.contextmanager
def appending(path: Path, dtype: npt.DTypeLike, shape: tuple[int, ...]) -> Iterator[Append]:
    """Yields a function that appends an array [n, *shape[1:]] to an .npy file, at most shape[0] rows in all.

    At the end the file has as many rows as were appended. OSError (such as ENOSPC) names the file; it comes before the
    first row if there is no space for all of them.
    """
    kind, count = np.dtype(dtype), 0
    try:
        with path.open("wb") as file:
            _write_header(file, kind, shape)
            start = file.tell()
            _reserve(file, start + kind.itemsize * int(np.prod(shape)))

            def append(rows: npt.NDArray[Any]) -> None:
                nonlocal count
                if rows.shape[1:] != shape[1:] or count + len(rows) > shape[0]:
                    raise ValueError(f"rows {rows.shape} after {count} of {shape}")
                file.write(np.ascontiguousarray(rows, kind).data)
                count += len(rows)

            yield append
            file.truncate()
            file.seek(0)
            _write_header(file, kind, (count, *shape[1:]))
            assert file.tell() == start  # numpy's header has room for any number of rows
            file.flush()
            os.fsync(file.fileno())  # after a power failure, unwritten reserved space is zeros
    except OSError as error:
        error.filename = error.filename or str(path)
        raise


def _write_header(file: BinaryIO, kind: np.dtype[Any], shape: tuple[int, ...]) -> None:
    header = {"descr": np.lib.format.dtype_to_descr(kind), "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(file, header)


def _reserve(file: BinaryIO, size: int) -> None:
    if not hasattr(os, "posix_fallocate"):  # macOS, Windows
        return
    file.flush()
    try:
        os.posix_fallocate(file.fileno(), 0, size)
    except OSError as error:
        if error.errno not in CANNOT_RESERVE:
            raise
