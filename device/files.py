"""Files that appear whole or not at all, and the JSON document that every table can be had as."""

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
    """Gives a temporary name in the folder of `path`; what was written there becomes `path` when the block ends well.

    When it doesn't (an error, Ctrl-C), the temporary file is removed and an older `path` stays as it was. A device or a
    pipe (/dev/stdout) is written to as it is: a rename would put a file in its place. It is on the disk before this
    returns: a record that is written next may say so, and outlive a power failure.
    """
    if path.is_dir():
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    if path.exists() and not path.is_file():
        yield path
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    # The suffix stays last: numpy and matplotlib go by it.
    temporary = path.with_name(f".{path.stem[:100]}.{secrets.token_hex(4)}{path.suffix}")
    try:
        yield temporary
        settle(temporary)
        temporary.replace(path)
        settle(path.parent)
    except OSError as error:
        # Who reads the error knows the file by its own name; a write that failed names none.
        if error.filename in (None, str(temporary)):
            error.filename, error.filename2 = str(path), None
        raise
    finally:
        temporary.unlink(missing_ok=True)


def settle(path: Path) -> None:
    """What was written, and a folder's new names, reach the disk; on Windows when it likes to."""
    if os.name == "nt":  # a folder can't be opened there, and a file that is open to be read not be flushed
        return
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def aside(path: Path) -> Path:
    """Where what lies at `path` is kept when its place is needed: its name with the next number behind it."""
    pattern = re.compile(rf"{re.escape(path.name)}\.([1-9]\d*)")
    taken = [int(found[1]) for other in path.parent.iterdir() if (found := pattern.fullmatch(other.name))]
    return path.with_name(f"{path.name}.{max(taken, default=0) + 1}")


def check_target(target: str | Path | None, option: str = "") -> None:
    """Refuses a file that can't be written before the work begins; None and - are no files. option: names another."""
    if target is None or target == "-":
        return
    path = Path(target)
    if path.is_dir():
        raise UserError(f"{path}: it is a directory, a file was expected; {_elsewhere(option)}")
    if path.is_file() or not path.exists():
        check_writable(path.parent, option)


def check_writable(folder: Path, option: str = "") -> None:
    """Refuses a folder that can't be made or written before the work begins; makes nothing yet."""
    place = folder.absolute()
    there = next(path for path in (place, *place.parents) if path.exists())
    if not there.is_dir():
        raise UserError(f"{there}: a file is in the way, a folder was expected; {_elsewhere(option)}")
    if not os.access(there, os.W_OK | os.X_OK):
        raise UserError(f"{there}: no permission to write there; {_elsewhere(option)}")


def _elsewhere(option: str) -> str:
    return f"choose another place with {option}" if option else "move it away, or change its permissions"


def read_start(path: Path, most: int) -> str:
    """A small text file, UTF-8; of a large one, or of a device without an end, `most` characters and one."""
    with path.open(encoding="utf-8") as file:
        return file.read(most + 1)


def write_bytes(path: Path, data: bytes) -> None:
    with replacing(path) as temporary:
        temporary.write_bytes(data)


def write_json(path: Path, document: Any) -> None:
    text = json.dumps(document, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
    # A file name that is no UTF-8 holds lone surrogates: written as JSON's own escapes.
    write_bytes(path, text.encode(errors="backslashreplace"))


def deliver_json(document: Any, target: str) -> None:
    """`--json FILE|-`: the document in a file, or alone on stdout."""
    if target == "-":
        command.show([json.dumps(document, indent=1, ensure_ascii=False, allow_nan=False)])
    else:
        write_json(Path(target), document)
