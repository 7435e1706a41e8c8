"""`--mqtt` in a process that has more files open than select() can count."""

import os
import resource
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.conftest import missing
from tests.device.broker import Mosquitto, Watcher, certificates
from tests.device.feeding import STREAMING, Feed
from tests.device.telling import AVAILABILITY, EVERYTHING, at, has_ended, telling

pytestmark = pytest.mark.programs


@pytest.fixture
def many_descriptors() -> Iterator[None]:
    """More than select() knows are open."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < 2000:
        missing(f"at most {hard} files may be open here")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, 2000), hard))
    with ExitStack() as opened:
        for _ in range(1100):
            opened.enter_context(Path(os.devnull).open())
        yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.parametrize("tls", [False, True])
def test_more_open_files_than_select_knows(
    tls: bool, tmp_path: Path, answers: Feed, request: pytest.FixtureRequest
) -> None:
    ours = certificates(tmp_path, "ours")
    lines = ours.settings if tls else ()
    with Mosquitto(tmp_path, *lines) as running, Watcher(running.port, ca=ours.ca if tls else None) as watcher:
        request.getfixturevalue("many_descriptors")
        with telling(at(running.port, tls=tls, ca_file=ours.ca if tls else None)) as output:
            output.status(STREAMING)
            output.show(answers.next("circle"))
            watcher.wait_for(lambda: set(watcher.topics()) >= EVERYTHING)
            assert output.thread.is_alive()
        watcher.wait_for(lambda: watcher.texts(AVAILABILITY)[-1] == "offline")
        has_ended()
