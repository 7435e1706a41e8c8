"""What a live classifier writes to the disk, as Linux counts it: nothing, where it isn't asked to."""

import signal
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import missing
from tests.device.broker import Mosquitto, Watcher
from tests.device.classifying import INT8
from tests.device.living import Live
from tests.device.telling import AVAILABILITY
from tests.device.visiting import Viewer

pytestmark = pytest.mark.programs


def written(process: int | str) -> int:
    """Bytes that a process had Linux write to a disk (proc_pid_io(5)); 0 on file systems that are in memory alone."""
    file = Path(f"/proc/{process}/io")
    if not file.exists():
        missing("no /proc/PID/io, which Linux alone has")
    fields = dict(line.split(": ") for line in file.read_text().splitlines())
    return int(fields["write_bytes"])


def test_an_idle_live_writes_nothing(live: Any, mosquitto: Mosquitto, tmp_path: Path) -> None:
    """With a page that has a viewer, a broker, and lines on stdout: a pipe."""
    before = written("self")
    (tmp_path / "some").write_bytes(b"x" * 100_000)
    if written("self") == before:
        missing(f"what is written to {tmp_path} is not counted, it is in memory")
    where = ("--serve", "127.0.0.1:0", "--mqtt", f"127.0.0.1:{mosquitto.port}", "--mqtt-name", "shelf")
    one: Live = live(INT8, "--source", "test", "--threads", 1, *where)
    with Watcher(mosquitto.port) as watcher, Viewer(one.port(), "/stream.mjpg") as viewer:
        watcher.wait_for(lambda: watcher.texts(AVAILABILITY))
        images = viewer.images()
        next(images)
        first = written(one.process.pid)
        for _ in range(100):
            one.next()
        next(images)
        assert written(one.process.pid) == first
    assert one.end(signal.SIGTERM)[0] == 0
