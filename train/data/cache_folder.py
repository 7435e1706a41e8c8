"""Creates the folder of an image cache: complete under its name, or not at all."""

import glob
import os
import secrets
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from device import files
from device.errors import UserError


@contextmanager
def making(final: Path) -> Iterator[Path]:
    """Yields a temporary folder, which gets the cache's name if the block succeeds, and is removed otherwise."""
    temporary = final.with_name(f".{final.name}.{secrets.token_hex(4)}")
    try:
        _make(temporary)
        _remove_leftovers(final)
        yield temporary
        if final.exists():  # unfinished, damaged, or another process was faster
            shutil.rmtree(final)
        temporary.rename(final)
        files.settle(final.parent)
    except OSError as error:
        if error.filename and temporary in Path(os.fsdecode(error.filename)).parents:  # report the cache's own path
            error.filename, error.filename2 = str(final), None
        raise
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _make(path: Path) -> None:
    """UserError if the folder can't be created."""
    try:
        path.mkdir(parents=True)
    except OSError as error:
        raise UserError(
            f"{path.parent}: can't create the image cache there ({error.strerror}); choose another place with"
            " FRAMELITE_CACHE=DIR"
        ) from None


def _remove_leftovers(final: Path) -> None:
    """Removes what a killed process left of this cache; a folder in use is younger than a day."""
    for path in final.parent.glob(f".{glob.escape(final.name)}.*"):
        if time.time() - path.stat().st_mtime > 86_400:
            shutil.rmtree(path, ignore_errors=True)
