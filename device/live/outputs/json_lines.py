"""`--jsonl`: a line of JSON for every result, or for some, to a file or stdout."""

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
from device.live.interfaces.results import FrameResult

# How often to check whether the file was renamed (by logrotate) or removed.
CHECK_S = 1.0


@dataclass(frozen=True)
class JsonLinesOptions(OutputOptions):
    jsonl: str | None = option(None, "append a line of JSON per result to FILE; - for stdout", metavar="FILE|-")
    jsonl_changes: bool = option(False, "only lines where the label changes")
    jsonl_every: float | None = option(
        None,
        "a line every so many seconds; with --jsonl-changes in addition",
        limits=Limits(0, 3600, above=True),
        metavar="SECONDS",
    )

    name, title, switch = "jsonl", "lines of JSON", "jsonl"

    @property
    def uses_stdout(self) -> bool:
        return self.jsonl == "-"

    def open(self, around: Surroundings) -> Output | None:
        return JsonLines(self.jsonl, self.jsonl_changes, self.jsonl_every) if self.jsonl else None


class JsonLines(Output):
    """Appends to the file `target`; "-": stdout. Other programs only ever read whole lines.

    Creates the file again within a second after it was renamed or removed. changes: only lines whose label differs from
    the last line's. every_s: a line so many seconds after the last one; with changes, both.
    """

    def __init__(self, target: str, changes: bool = False, every_s: float | None = None) -> None:
        self._changes, self._every_s = changes, every_s
        self._label: str | None = None  # the last line's
        self._written = -inf
        self._path = None if target == "-" else Path(target)
        self.ends_with_reader = self._path is None
        self._checked_at, self._is_lost = monotonic(), False
        if self._path is not None:
            try:
                self._file = _open(self._path)
            except OSError as error:
                raise UserError(f"--jsonl {target}: can't write it ({error.strerror}); choose another place") from None
        elif sys.stdout is None:
            raise UserError("--jsonl -: stdout is closed, expected an open one; give --jsonl FILE")
        else:
            self._file = sys.stdout

    def show(self, result: FrameResult) -> None:
        if not self._is_due(result):
            return
        if self._path is not None and monotonic() - self._checked_at > CHECK_S:
            self._reopen_if_moved(self._path)
        self._file.write(json.dumps(result.to_json(), ensure_ascii=False, allow_nan=False) + "\n")
        self._file.flush()
        self._label, self._written = result.label, monotonic()

    def _is_due(self, result: FrameResult) -> bool:
        if not self._changes and self._every_s is None:
            return True
        if self._changes and result.label != self._label:
            return True
        return self._every_s is not None and monotonic() - self._written >= self._every_s

    def close(self) -> None:
        if self._path is not None:
            self._file.close()

    def _reopen_if_moved(self, path: Path) -> None:
        """Opens the file again if its name is gone or names another file; if that fails, goes on with the old one."""
        self._checked_at = monotonic()
        try:
            if path.exists() and os.path.samestat(path.stat(), os.fstat(self._file.fileno())):
                return
            new = _open(path)
        except OSError as error:
            if not self._is_lost:
                command.say(f"note: --jsonl {path}: it was moved, and can't be created again ({error.strerror})")
                self._is_lost = True
            return
        old, self._file, self._is_lost = self._file, new, False
        with suppress(OSError):  # data that a full disk refused
            old.close()


def _open(path: Path) -> TextIO:
    return path.open("a", encoding="utf-8", errors="backslashreplace")
