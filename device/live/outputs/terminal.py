"""What `live` says in a terminal: one line that is written over and over, or, into a file or a pipe, the changes."""

import os
import sys
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import TextIO

from device import command, text
from device.live.interfaces.output import Output, OutputOptions, Surroundings
from device.live.interfaces.readings import Reading, Status

EVERY_S = 0.1
BAR = 20


@dataclass(frozen=True)
class TerminalOptions(OutputOptions):
    name = title = "terminal"

    def open(self, around: Surroundings) -> Output:
        """On stdout, or on stderr where stdout has other lines."""
        stream = sys.stderr if around.stdout_is_taken else sys.stdout
        if stream is None:  # closed by who started this: >&-
            return Terminal(Path(os.devnull).open("w"), is_own=True)
        return Terminal(stream, among_others=around.stdout_is_taken and sys.stdout.isatty())


class Terminal(Output):
    """Writes to `stream`. The source's troubles go to stderr, whatever the stream is. At the end the last answer stays.

    among_others: lines of others come in the same terminal, so none can be written over. is_own: the stream is closed
    with this.
    """

    ends_with_reader = True

    def __init__(self, stream: TextIO, among_others: bool = False, is_own: bool = False) -> None:
        self._is_own = is_own
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
        if self._is_own:
            self._stream.close()

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
