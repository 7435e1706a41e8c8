"""An .npy file that is written row by row. Full disks are an error here, not the end of the process.

A memory-mapped file is sparse: where the disk is full, the kernel has nobody to tell but the writer of a byte, by
SIGBUS. So the space is reserved first, where the system can, and rows are written, not mapped.
"""

import contextlib
import errno
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

# A file system that can't reserve tells at the first row that doesn't fit.
CANNOT_RESERVE = {errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL, errno.EPERM}

Append = Callable[[npt.NDArray[Any]], None]


@contextlib.contextmanager
def appending(path: Path, dtype: npt.DTypeLike, shape: tuple[int, ...]) -> Iterator[Append]:
    """Gives a function that appends an array [n, *shape[1:]] to an .npy file, at most shape[0] rows in all.

    At the end the file has as many rows as came. OSError (ENOSPC and the like) names the file, before the first row
    where the space for all of them can't be reserved.
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
            assert file.tell() == start  # numpy leaves room in it for any number of rows
            file.flush()
            os.fsync(file.fileno())  # reserved space that wasn't written yet is zeros after a power failure
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
