"""Shows results in a terminal: one line that is overwritten, or, in a file or a pipe, the changes of the label."""

import os
import sys
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import TextIO

from device import command, text
from device.live.interfaces.output import Output, OutputOptions, Surroundings
from device.live.interfaces.results import FrameResult, Status

EVERY_S = 0.1
BAR = 20


@dataclass(frozen=True)
class TerminalOptions(OutputOptions):
    name = title = "terminal"

    def open(self, around: Surroundings) -> Output:
        """On stdout, or on stderr if another output uses stdout."""
        stream = sys.stderr if around.stdout_is_used else sys.stdout
        if stream is None:  # closed by the shell: >&-
            return Terminal(Path(os.devnull).open("w"), is_own=True)
        return Terminal(stream, among_others=around.stdout_is_used and sys.stdout.isatty())


class Terminal(Output):
    """Writes to `stream`, and the source's problems to stderr. At the end the last result stays visible.

    among_others: other lines come in the same terminal, so this must not overwrite. is_own: close the stream too.
    """

    ends_with_reader = True

    def __init__(self, stream: TextIO, among_others: bool = False, is_own: bool = False) -> None:
        self._is_own = is_own
        self._stream, self._updates = stream, stream.isatty() and not among_others
        self._shown = -EVERY_S
        self._last: FrameResult | None = None
        self._was_lost = False

    def show(self, result: FrameResult) -> None:
        self._last = result
        if not self._updates:
            if result.changed:
                print(f"{result.label}  {result.score:.3f}", file=self._stream, flush=True)
            return
        now = monotonic()
        if now - self._shown >= EVERY_S:
            self._shown = now
            self._write(result)

    def status(self, status: Status) -> None:
        """Reports when the source is lost, and when it is back."""
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

    def _write(self, result: FrameResult, end: str = "") -> None:
        width = os.get_terminal_size(self._stream.fileno()).columns
        self._stream.write("\r\x1b[K" + line(result)[: width - 1] + end)
        self._stream.flush()

    def _say(self, line: str) -> None:
        if self._updates:
            self._stream.write("\r\x1b[K")
            self._stream.flush()
        command.say(line)


def line(result: FrameResult) -> str:
    """`cat  0.93 ################----  30.0/s  invoke 4.2 ms  age 18 ms  dropped 0`"""
    filled = round(BAR * min(max(result.score, 0), 1))
    ms = result.ms
    return (
        f"{result.label}  {result.score:.2f} {'#' * filled}{'-' * (BAR - filled)}  {result.rate:.1f}/s"
        f"  invoke {text.milliseconds(ms['invoke'])} ms  age {text.milliseconds(ms['frame'])} ms"
        f"  dropped {result.dropped}"
    )
