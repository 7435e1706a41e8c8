"""Writes files whole or not at all, and the JSON form of every table."""

import errno
import json
import os
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from device import command
from device.errors import UserError


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yields a temporary name beside `path`, and renames it to `path` if the block succeeds.

    After an error or Ctrl-C it removes the temporary file and leaves an older `path` untouched. A device or a pipe
    (/dev/stdout) is written directly, because a rename would replace it with a file. The data is on disk when this
    returns, so a record that is written next survives a power failure together with it.
    """
    if path.is_dir():
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    if path.exists() and not path.is_file():
        yield path
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    # Keep the suffix last: numpy and matplotlib depend on it. `remove_unfinished` knows this form.
    temporary = path.with_name(f".{path.stem[:100]}.{secrets.token_hex(4)}{path.suffix}")
    try:
        with naming(path, temporary):
            yield temporary
            settle(temporary)
            temporary.replace(path)
            settle(path.parent)
    finally:
        temporary.unlink(missing_ok=True)


def remove_unfinished(folder: Path) -> None:
    """Removes the temporary files that a killed process left in a folder; call it where nobody else writes there."""
    for path in folder.glob(".*"):
        if re.fullmatch(r"\..+\.[0-9a-f]{8}(\.[^.]*)?", path.name) and path.is_file():
            path.unlink(missing_ok=True)


@contextmanager
def naming(path: Path, temporary: Path | None = None) -> Iterator[None]:
    """Names `path` in an OSError that names no file, as a failed write does, or that names the temporary one."""
    try:
        yield
    except OSError as error:
        if error.filename is None or error.filename == str(temporary or path):
            error.filename, error.filename2 = str(path), None
        raise


def settle(path: Path) -> None:
    """Flushes a file's data or a folder's new names to disk; not on Windows."""
    if os.name == "nt":  # it can neither open a folder nor flush a file that is open for reading
        return
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def aside(path: Path) -> Path:
    """The path to move `path` to when its name is needed: the name with the next free number appended."""
    pattern = re.compile(rf"{re.escape(path.name)}\.([1-9]\d*)")
    used = [int(found[1]) for other in path.parent.iterdir() if (found := pattern.fullmatch(other.name))]
    return path.with_name(f"{path.name}.{max(used, default=0) + 1}")


def check_target(target: str | Path | None, option: str = "") -> None:
    """Raises UserError before the work if a file can't be written; None and - are no files.

    option: the option that chooses another place.
    """
    if target is None or target == "-":
        return
    path = Path(target)
    if path.is_dir():
        raise UserError(f"{path}: this is a directory, expected a file; {_elsewhere(option)}")
    if path.is_file() or not path.exists():
        check_writable(path.parent, option)


def check_writable(folder: Path, option: str = "") -> None:
    """Raises UserError before the work if a folder can't be created or written; creates nothing."""
    place = folder.absolute()
    there = next(path for path in (place, *place.parents) if path.exists())
    if not there.is_dir():
        raise UserError(f"{there}: this is a file, expected a folder; {_elsewhere(option)}")
    if not os.access(there, os.W_OK | os.X_OK):
        raise UserError(f"{there}: no permission to write there; {_elsewhere(option)}")


def _elsewhere(option: str) -> str:
    return f"choose another place with {option}" if option else "move it away, or change its permissions"


def read_start(path: Path, most: int) -> str:
    """Reads a small UTF-8 text file; at most one character more than `most` of a large one or an endless device."""
    with path.open(encoding="utf-8") as file:
        return file.read(most + 1)


def write_bytes(path: Path, data: bytes) -> None:
    with replacing(path) as temporary:
        temporary.write_bytes(data)


def write_json(path: Path, document: Any) -> None:
    text = json.dumps(document, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
    # A file name that is not UTF-8 has lone surrogates; they become JSON escapes.
    write_bytes(path, text.encode(errors="backslashreplace"))


def deliver_json(document: Any, target: str) -> None:
    """`--json FILE|-`: writes the document to a file, or to stdout."""
    if target == "-":
        command.show([json.dumps(document, indent=1, ensure_ascii=False, allow_nan=False)])
    else:
        write_json(Path(target), document)
