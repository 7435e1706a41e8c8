"""`--jsonl`: a line of JSON for every answer, or for some, into a file or on stdout."""

import json
import os
import sys
from contextlib import suppress
from dataclasses import dataclass
from math import inf
from pathlib import Path
from time import monotonic
from typing import TextIO

from device import command
from device.declared import Limits, option
from device.errors import UserError
from device.live.interfaces.output import Output, OutputOptions, Surroundings
from device.live.interfaces.readings import Reading

# How often it is asked whether the file still has its name: logrotate renames it, people remove it.
LOOK_S = 1.0


@dataclass(frozen=True)
class JsonLinesOptions(OutputOptions):
    jsonl: str | None = option(None, "a line of JSON an answer, added to FILE; - for stdout", metavar="FILE|-")
    jsonl_changes: bool = option(False, "a line only where the label changes")
    jsonl_every: float | None = option(
        None,
        "a line each so many seconds; with --jsonl-changes beside those",
        limits=Limits(0, 3600, above=True),
        metavar="SECONDS",
    )

    name, title, switch = "jsonl", "lines of JSON", "jsonl"

    @property
    def takes_stdout(self) -> bool:
        return self.jsonl == "-"

    def open(self, around: Surroundings) -> Output | None:
        return JsonLines(self.jsonl, self.jsonl_changes, self.jsonl_every) if self.jsonl else None


class JsonLines(Output):
    """Adds to the file at `target`; "-": stdout. Every line is whole when another program reads it.

    A file that was renamed or removed is begun anew under its name, within a second. changes: lines only where the
    label is another one than the last line's. every_s: a line so many seconds after the last one; with changes these
    and those.
    """

    def __init__(self, target: str, changes: bool = False, every_s: float | None = None) -> None:
        self._changes, self._every_s = changes, every_s
        self._label: str | None = None  # the last line's
        self._written = -inf
        self._path = None if target == "-" else Path(target)
        self.ends_with_reader = self._path is None
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
        if not self._is_due(reading):
            return
        if self._path is not None and monotonic() - self._looked > LOOK_S:
            self._look(self._path)
        self._file.write(json.dumps(reading.to_json(), ensure_ascii=False, allow_nan=False) + "\n")
        self._file.flush()
        self._label, self._written = reading.label, monotonic()

    def _is_due(self, reading: Reading) -> bool:
        if not self._changes and self._every_s is None:
            return True
        if self._changes and reading.label != self._label:
            return True
        return self._every_s is not None and monotonic() - self._written >= self._every_s

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
