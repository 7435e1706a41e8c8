"""One process at a time per folder: a lock that the kernel releases when its owner dies.

        runs/.NAME.lock     exists while a process works on runs/NAME, and says which

Uses flock(2) on a file beside the folder, because the folder itself may be renamed under the lock. A crash leaves a
file that nobody holds. Without flock (Windows, some network file systems) there is no lock.
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

# Longer than `check_free` holds the lock in another process.
PATIENCE_S = 0.1
UNSUPPORTED = {errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.EINVAL}


@contextlib.contextmanager
def held(folder: Path, work: str) -> Iterator[None]:
    """Locks a folder, which need not exist, for some work ("a training"); UserError if another process holds it."""
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
        # Removed under the lock: a process that opened the file before notices (`_is_there`).
        path.unlink(missing_ok=True)
        file.close()
        if is_new:
            with contextlib.suppress(OSError):  # not empty: the work left something
                path.parent.rmdir()


def check_free(folder: Path) -> None:
    """Raises UserError if another process holds the folder now."""
    path = _place(folder)
    if path.exists() and (file := _claimed(path, folder)):
        path.unlink(missing_ok=True)  # left by a crash
        file.close()


def _place(folder: Path) -> Path:
    """Beside the folder, or inside it if nothing can be created beside it, as with a container's mount."""
    real = folder.resolve()
    if not real.name or (real.is_dir() and not os.access(real.parent, os.W_OK | os.X_OK)):
        return real / ".lock"
    return real.with_name(f".{real.name}.lock")


def _claimed(path: Path, folder: Path) -> IO[str] | None:
    """The locked file; None if this system can't lock."""
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
                    f"{folder}: {owner or 'another process'} is using this folder; wait until it ends, or choose"
                    " another folder"
                ) from None
            time.sleep(0.01)
        except OSError as error:
            file.close()
            if error.errno in UNSUPPORTED:
                return None
            raise


def _is_there(path: Path, file: IO[str]) -> bool:
    """Whether the path is still that file: its previous owner may have removed it after we opened it."""
    try:
        return os.path.samestat(path.stat(), os.fstat(file.fileno()))
    except FileNotFoundError:
        return False
