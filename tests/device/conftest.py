"""What several tests of the live classifier begin with: a page, a broker, results to show."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from device.live.outputs.web.serve import Serve
from tests.device.commanding import log as log
from tests.device.commanding import read as read
from tests.device.feeding import Feed
from tests.device.living import Live

# What is for a few tests alone is imported in its fixture.
if TYPE_CHECKING:
    from tests.device.broker import Mosquitto


@pytest.fixture(scope="module")
def answers() -> Feed:
    """Results of small frames."""
    return Feed((90, 160))


@pytest.fixture
def feed() -> Feed:
    """Results of frames as a page shows them, from the first on."""
    return Feed()


@pytest.fixture
def serve(answers: Feed) -> Iterator[Serve]:
    """The page, for this machine alone."""
    made = Serve("127.0.0.1:0", answers.card)
    yield made
    made.close()


@pytest.fixture
def mosquitto(tmp_path: Path) -> "Iterator[Mosquitto]":
    from tests.device.broker import Mosquitto

    with Mosquitto(tmp_path) as running:
        yield running


@pytest.fixture
def live(tmp_path: Path) -> Iterator[Any]:
    """Starts live classifiers: live(model, "--source", …, NAME="of the environment"); what still runs is killed."""
    started: list[Live] = []

    def start(*words: object, forked: bool = True, **environment: str) -> Live:
        started.append(Live(tmp_path, *words, forked=forked, **environment))
        return started[-1]

    yield start
    for one in started:
        one.kill()
