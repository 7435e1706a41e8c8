"""`--mqtt` in a test: an output on a broker of the loopback, the topics it tells of, and what it says on stderr."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from device.mqtt.mqtt import Mqtt, Settings
from tests.device.broker import PATIENCE_S
from tests.device.feeding import wait_for

TOPIC = "framelite/shelf"
LABEL, STATE, SOURCE, AVAILABILITY = (f"{TOPIC}/{kind}" for kind in ("label", "state", "source", "availability"))
SENSORS = ("label", "score", "rate", "latency")
CONFIGS = {f"homeassistant/sensor/framelite_shelf_{sensor}/config" for sensor in SENSORS}
EVERYTHING = {*CONFIGS, AVAILABILITY, SOURCE, LABEL, STATE}


def at(port: int, **others: Any) -> Settings:
    return Settings("127.0.0.1", port, "shelf", **others)


@contextmanager
def telling(given: Settings) -> Iterator[Mqtt]:
    """Closed when the block is left."""
    output = Mqtt(given)
    try:
        yield output
    finally:
        output.close()


def has_ended() -> None:
    """Waits until no output's thread is left: at once, if a dead broker isn't waited for (that would be 10 s)."""
    wait_for(lambda: not any(thread.name == "mqtt" for thread in threading.enumerate()), 8)


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
