"""One process at a time in a folder: a lock that the kernel takes back when its owner dies, however it dies.

    runs/.NAME.lock     while runs/NAME is worked on: whose it is, in words; removed at the end

It is flock(2) on a file beside the folder, since the folder itself may be renamed under the lock. What a crash leaves
is a file that nobody holds. Where there is no flock (Windows, some network file systems) work goes on without.
"""

import contextlib
import errno
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from device.errors import UserError

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

# Longer than another process takes to see that the folder is free (`check_free`).
PATIENCE_S = 0.1
UNSUPPORTED = {errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.EINVAL}


@contextlib.contextmanager
def held(folder: Path, work: str) -> Iterator[None]:
    """Holds a folder, there or not, for some work ("a training"); UserError where another process holds it."""
    path = _place(folder)
    is_new = not path.parent.exists()
    file = _claimed(path, folder)
    if file is None:
        yield
        return
    try:
        file.truncate()
        file.write(f"{work}, process {os.getpid()},")
        file.flush()
        yield
    finally:
        # Still under the lock: who opened the file before it went sees that by its name (`_is_there`).
        path.unlink(missing_ok=True)
        file.close()
        if is_new:
            with contextlib.suppress(OSError):  # the work came to nothing
                path.parent.rmdir()


def check_free(folder: Path) -> None:
    """UserError where another process holds the folder at this moment."""
    path = _place(folder)
    if path.exists() and (file := _claimed(path, folder)):
        path.unlink(missing_ok=True)  # nobody's: a crash left it
        file.close()


def _place(folder: Path) -> Path:
    """Beside the folder; inside it where nothing can be made beside it, as where a container mounts it."""
    real = folder.resolve()
    if not real.name or (real.is_dir() and not os.access(real.parent, os.W_OK | os.X_OK)):
        return real / ".lock"
    return real.with_name(f".{real.name}.lock")


def _claimed(path: Path, folder: Path) -> IO[str] | None:
    """The locked file; None where this system can't lock."""
    if fcntl is None:
        return None
    path.parent.mkdir(parents=True, exist_ok=True)
    end = time.monotonic() + PATIENCE_S
    while True:
        file = os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT, 0o666), "r+")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if _is_there(path, file):
                return file
            file.close()
        except BlockingIOError:
            owner = file.read(200).strip()
            file.close()
            if time.monotonic() > end:
                raise UserError(
                    f"{folder}: {owner or 'another process'} is at work there; wait for its end, or choose another"
                    " folder"
                ) from None
            time.sleep(0.01)
        except OSError as error:
            file.close()
            if error.errno in UNSUPPORTED:
                return None
            raise


def _is_there(path: Path, file: IO[str]) -> bool:
    """Whether the path still is that file: its owner before may have removed it since it was opened."""
    try:
        return os.path.samestat(path.stat(), os.fstat(file.fileno()))
    except FileNotFoundError:
        return False
