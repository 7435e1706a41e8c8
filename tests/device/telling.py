"""`--mqtt` in a test: an output on a broker of the loopback, the topics it tells of, and what it says on stderr."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from device.live.interfaces.results import FrameResult, Status
from device.live.outputs.mqtt.connection import CONNECT_S
from device.live.outputs.mqtt.mqtt import Mqtt
from device.live.outputs.mqtt.options import Settings
from tests.device.broker import PATIENCE_S
from tests.device.feeding import wait_for

TOPIC = "framelite/shelf"
LABEL, STATE, SOURCE, AVAILABILITY = (f"{TOPIC}/{kind}" for kind in ("label", "state", "source", "availability"))
SENSORS = ("label", "score", "rate", "latency")
CONFIGS = {f"homeassistant/sensor/framelite_shelf_{sensor}/config" for sensor in SENSORS}
EVERYTHING = {*CONFIGS, AVAILABILITY, SOURCE, LABEL, STATE}


def at(port: int, **others: Any) -> Settings:
    return Settings("127.0.0.1", port, "shelf", **others)


class Telling(Mqtt):
    """Used by the test's thread, and by another one that ticks as the live loop does; one at a time."""

    def __init__(self, given: Settings) -> None:
        self._one = threading.RLock()
        super().__init__(given)

    def show(self, result: FrameResult) -> None:
        with self._one:
            super().show(result)

    def status(self, status: Status) -> None:
        with self._one:
            super().status(status)

    def tick(self) -> None:
        with self._one:
            super().tick()

    def close(self) -> None:
        with self._one:
            super().close()


@contextmanager
def telling(given: Settings) -> Iterator[Mqtt]:
    """Closed when the block is left."""
    output, left = Telling(given), threading.Event()

    def work() -> None:
        while not left.wait(0.01):
            output.tick()

    ticking = threading.Thread(target=work, name="ticking")
    ticking.start()
    try:
        yield output
    finally:
        left.set()
        ticking.join()
        output.close()


def has_ended() -> None:
    """Waits until no output's thread is left."""
    wait_for(lambda: not any("framelite-" in thread.name for thread in threading.enumerate()), 2 * CONNECT_S)


class Said:
    """What was said on stderr, gathered."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys
        self._text = ""

    @property
    def lines(self) -> list[str]:
        self._text += self._capsys.readouterr().err
        return self._text.splitlines()

    def count(self, words: str) -> int:
        return sum(words in line for line in self.lines)

    def wait_for(self, words: str, count: int = 1) -> None:
        """Until so many lines have these words."""
        wait_for(lambda: self.count(words) >= count, PATIENCE_S)
