"""The line in a terminal, read from one as a person sees it, and what goes into a pipe instead."""

import fcntl
import io
import os
import re
import struct
import termios
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from typing import TextIO

import pytest

from device.live.outputs import terminal
from device.live.outputs.terminal import Terminal
from tests.device.feeding import LOST, STREAMING, Feed


class Screen:
    """A terminal of 60 columns; what is written on it can be read."""

    def __init__(self) -> None:
        self._master, slave = os.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 60, 0, 0))
        self.stream: TextIO = os.fdopen(slave, "w")

    def lines(self) -> list[str]:
        """What stands there in the end: a line that was written over counts as it is last. Nothing can follow."""
        self.stream.close()
        written = b""
        with suppress(OSError):  # so a terminal says that nobody writes to it any more
            while data := os.read(self._master, 1 << 16):
                written += data
        return [line.rpartition("\r\x1b[K")[2] for line in re.split(r"\r?\n", written.decode())]

    def close(self) -> None:
        self.stream.close()
        os.close(self._master)


@pytest.fixture
def screen() -> Iterator[Screen]:
    made = Screen()
    yield made
    made.close()


def test_one_line_is_written_over_and_the_last_answer_stays(screen: Screen, answers: Feed) -> None:
    shown = Terminal(screen.stream)
    for label in ("circle", "square", "triangle"):
        shown.show(answers.next(label))
    shown.close()
    line, rest = screen.lines()
    assert line.startswith("triangle  ") and rest == ""
    assert len(line) == 59, "cut off at the terminal's width"


def test_a_line_has_the_label_the_rate_and_the_times(answers: Feed) -> None:
    ms = {"preprocess": 0.2, "invoke": 4.2, "postprocess": 0.1, "frame": 18.0}
    result = replace(answers.next("cat"), score=0.5, ms=ms, rate=29.97, dropped=3)
    assert terminal.line(result) == ("cat  0.50 ##########----------  30.0/s  invoke 4.20 ms  age 18.0 ms  dropped 3")


def test_among_lines_of_others_only_changes_are_said(screen: Screen, answers: Feed) -> None:
    shown = Terminal(screen.stream, among_others=True)
    first = answers.next("circle")
    for result in (first, replace(first, changed=False), replace(answers.next("square"), changed=True, score=0.25)):
        shown.show(result)
    shown.close()
    assert [line.split()[0] for line in screen.lines() if line] == ["circle", "square"]


def test_troubles_are_said_once_each(answers: Feed, capsys: pytest.CaptureFixture[str]) -> None:
    shown = Terminal(io.StringIO())
    for status in (STREAMING, LOST, replace(LOST, message="and again"), STREAMING, LOST):
        shown.status(status)
    message = f"{LOST.message}; trying again"
    assert capsys.readouterr().err.splitlines() == [message, "test is back", message]


def test_an_end_before_the_first_answer_says_nothing(screen: Screen, answers: Feed) -> None:
    Terminal(screen.stream).close()
    assert screen.lines() == [""]
