"""What `live` says in a terminal: one line that is written over and over, or, into a file or a pipe, the changes."""

import os
from time import monotonic
from typing import TextIO

from device import command, text
from device.live.readings import Reading, Status

EVERY_S = 0.1
BAR = 20


class Terminal:
    """Writes to `stream`. The source's troubles go to stderr, whatever the stream is.

    among_others: lines of others come in the same terminal, so none can be written over. At the end the last answer
    stays.
    """

    def __init__(self, stream: TextIO, among_others: bool = False) -> None:
        self._stream, self._updates = stream, stream.isatty() and not among_others
        self._shown = -EVERY_S
        self._last: Reading | None = None
        self._was_lost = False

    def show(self, reading: Reading) -> None:
        self._last = reading
        if not self._updates:
            if reading.changed:
                print(f"{reading.label}  {reading.score:.3f}", file=self._stream, flush=True)
            return
        now = monotonic()
        if now - self._shown >= EVERY_S:
            self._shown = now
            self._write(reading)

    def status(self, status: Status) -> None:
        """Said when the source is lost, and when it is back."""
        if not status.is_streaming and not self._was_lost:
            self._say(f"{status.message}; trying again")
        elif status.is_streaming and self._was_lost:
            self._say(f"{status.source} is back")
        self._was_lost = not status.is_streaming

    def close(self) -> None:
        if self._updates and self._last is not None:
            self._write(self._last, "\n")

    def _write(self, reading: Reading, end: str = "") -> None:
        width = os.get_terminal_size(self._stream.fileno()).columns
        self._stream.write("\r\x1b[K" + line(reading)[: width - 1] + end)
        self._stream.flush()

    def _say(self, line: str) -> None:
        if self._updates:
            self._stream.write("\r\x1b[K")
            self._stream.flush()
        command.say(line)


def line(reading: Reading) -> str:
    """`cat  0.93 ################----  30.0/s  invoke 4.2 ms  age 18 ms  dropped 0`"""
    filled = round(BAR * min(max(reading.score, 0), 1))
    ms = reading.ms
    return (
        f"{reading.label}  {reading.score:.2f} {'#' * filled}{'-' * (BAR - filled)}  {reading.rate:.1f}/s"
        f"  invoke {text.milliseconds(ms['invoke'])} ms  age {text.milliseconds(ms['frame'])} ms"
        f"  dropped {reading.dropped}"
    )
