"""What the tests of `--on-label` share: results at a time, a file to which commands add lines, their threads."""

import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from device.live.interfaces.results import FrameResult
from device.live.outputs.on_label import OnLabel, Rule
from tests.device.feeding import Feed, wait_for

Read = Callable[[str, float], FrameResult]


@pytest.fixture(scope="module")
def read() -> Read:
    """A result of a label, its frame captured at a time in seconds."""
    feed = Feed((90, 160))

    def make(label: str, captured: float) -> FrameResult:
        result = feed.next(label)
        return replace(result, frame=replace(result.frame, captured=captured))

    return make


class Log:
    """A file to which commands add a line each."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def rule(self, label: str, seconds: float, words: str = "$FRAMELITE_LABEL") -> Rule:
        """Adds the words, which the command's own shell completes."""
        return Rule(label, seconds, ("sh", "-c", f'echo "{words}" >> {self.path}'))

    @property
    def lines(self) -> list[str]:
        return self.path.read_text().splitlines() if self.path.exists() else []


@pytest.fixture
def log(tmp_path: Path) -> Iterator[Log]:
    yield Log(tmp_path / "log")
    wait_for(lambda: not runners())


def runners() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "on-label"]


def finish(output: OnLabel) -> None:
    """Lets what runs come to its end."""
    wait_for(lambda: not runners())
    output.close()
