"""`--jsonl`: a line of JSON for every answer, into a file or on stdout."""

import json
import os
import sys
from contextlib import suppress
from pathlib import Path
from time import monotonic
from typing import TextIO

from device import command
from device.errors import UserError
from device.live.readings import Reading, Status

# How often it is asked whether the file still has its name: logrotate renames it, people remove it.
LOOK_S = 1.0


class JsonLines:
    """Adds to the file at `target`; "-": stdout. Every line is whole when another program reads it.

    A file that was renamed or removed is begun anew under its name, within a second.
    """

    def __init__(self, target: str) -> None:
        self._path = None if target == "-" else Path(target)
        self._looked, self._has_said_lost = monotonic(), False
        if self._path is not None:
            try:
                self._file = _open(self._path)
            except OSError as error:
                raise UserError(
                    f"--jsonl {target}: can't be written ({error.strerror}); choose another place"
                ) from None
        elif sys.stdout is None:
            raise UserError("--jsonl -: stdout is closed; expected one, or --jsonl FILE")
        else:
            self._file = sys.stdout

    def show(self, reading: Reading) -> None:
        if self._path is not None and monotonic() - self._looked > LOOK_S:
            self._look(self._path)
        self._file.write(json.dumps(reading.to_json(), ensure_ascii=False, allow_nan=False) + "\n")
        self._file.flush()

    def status(self, status: Status) -> None:
        """Answers alone are lines."""

    def close(self) -> None:
        if self._path is not None:
            self._file.close()

    def _look(self, path: Path) -> None:
        """Opens the file anew where its name is another's or nobody's; where that can't be, lines go on as before."""
        self._looked = monotonic()
        try:
            if path.exists() and os.path.samestat(path.stat(), os.fstat(self._file.fileno())):
                return
            new = _open(path)
        except OSError as error:
            if not self._has_said_lost:
                command.say(f"note: --jsonl {path}: it was moved, and can't be begun anew ({error.strerror})")
                self._has_said_lost = True
            return
        old, self._file, self._has_said_lost = self._file, new, False
        with suppress(OSError):  # what a full disk didn't take
            old.close()


def _open(path: Path) -> TextIO:
    return path.open("a", encoding="utf-8", errors="backslashreplace")
