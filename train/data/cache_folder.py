"""The folder of an image cache while it is made: whole under its name, or not there."""

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
    """A folder beside the cache's place that takes its name when everything is in it, and is removed otherwise."""
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
        if error.filename and temporary in Path(os.fsdecode(error.filename)).parents:  # who reads it knows the cache
            error.filename, error.filename2 = str(final), None
        raise
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _make(path: Path) -> None:
    """UserError where the cache has no place."""
    try:
        path.mkdir(parents=True)
    except OSError as error:
        raise UserError(
            f"{path.parent}: the cache of images can't be made there ({error.strerror}); choose another place with"
            " FRAMELITE_CACHE=DIR"
        ) from None


def _remove_leftovers(final: Path) -> None:
    """What a killed process left of this cache; another one that is at work is younger than a day."""
    for path in final.parent.glob(f".{glob.escape(final.name)}.*"):
        if time.time() - path.stat().st_mtime > 86_400:
            shutil.rmtree(path, ignore_errors=True)
