"""What systemd is told, read from a socket as systemd's own; and the unit that docs/device.md shows."""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from device.inference.classifier import Classifier
from device.live.outputs.systemd import Systemd
from tests.conftest import ROOT, missing
from tests.device.classifying import INT8
from tests.device.feeding import LOST, STREAMING, Feed, wait_for
from tests.device.visiting import get

HOUR_US = str(3_600_000_000)


class Listener:
    """The other end: a datagram socket on a path, or on an abstract name (@name)."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind("\0" + name[1:] if name.startswith("@") else name)
        self._socket.settimeout(0)

    def messages(self) -> list[str]:
        """All that came since it was asked last: a datagram is there when sendto has returned."""
        received = []
        while True:
            try:
                received.append(self._socket.recv(4096).decode())
            except BlockingIOError:
                return received

    def close(self) -> None:
        self._socket.close()


@pytest.fixture(params=["path", "abstract"])
def listener(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Listener]:
    """In the environment as systemd puts it there, with no watchdog."""
    name = str(tmp_path / "notify") if request.param == "path" else f"@framelite-test-{os.getpid()}"
    listener = Listener(name)
    monkeypatch.setenv("NOTIFY_SOCKET", name)
    monkeypatch.delenv("WATCHDOG_USEC", raising=False)
    monkeypatch.delenv("WATCHDOG_PID", raising=False)
    yield listener
    listener.close()


@pytest.fixture
def watched(listener: Listener, monkeypatch: pytest.MonkeyPatch) -> Listener:
    """With a watchdog that is content with a sign of life every half hour."""
    monkeypatch.setenv("WATCHDOG_USEC", HOUR_US)
    monkeypatch.setenv("WATCHDOG_PID", str(os.getpid()))
    return listener


def beats(listener: Listener) -> int:
    """How many signs of life a systemd is sent by three calls in a row."""
    systemd = Systemd()
    for _ in range(3):
        systemd.tick()
    systemd.close()
    messages = listener.messages()
    assert messages.pop() == "STOPPING=1"
    assert set(messages) <= {"WATCHDOG=1"}
    return len(messages)


def test_the_life_of_a_service(listener: Listener) -> None:
    systemd = Systemd()
    systemd.status(STREAMING)
    systemd.ready()
    systemd.show(Feed((90, 160)).next())
    systemd.status(replace(LOST, message="two\nlines"))
    systemd.close()
    assert listener.messages() == [f"STATUS={STREAMING.message}", "READY=1", "STATUS=two lines", "STOPPING=1"]


def test_a_reload_says_when_it_began(listener: Listener) -> None:
    before = time.monotonic()
    systemd = Systemd()
    systemd.reloading()
    systemd.ready()
    systemd.close()
    reloading, ready, _ = listener.messages()
    first, second = reloading.split("\n")
    began = int(second.removeprefix("MONOTONIC_USEC=")) / 1e6
    assert (first, ready) == ("RELOADING=1", "READY=1")
    assert before - 1e-6 <= began <= time.monotonic()


def test_no_sign_of_life_where_nobody_watches(listener: Listener) -> None:
    assert beats(listener) == 0


def test_a_sign_of_life_at_once_and_the_next_when_it_is_due(watched: Listener) -> None:
    assert beats(watched) == 1


def test_signs_of_life_come_twice_in_a_period(watched: Listener, monkeypatch: pytest.MonkeyPatch) -> None:
    """By a clock of the test's own: nobody waits for a minute."""
    clock = [1e6]
    monkeypatch.setenv("WATCHDOG_USEC", "15000000")
    systemd = Systemd(lambda: clock[0])
    sent = []
    for passed in (0, 7.4, 7.5, 7.6, 14.9, 15, 40, 47.4):
        clock[0] = 1e6 + passed
        systemd.tick()
        sent.append(len(watched.messages()))
    systemd.close()
    assert sent == [1, 0, 1, 0, 0, 1, 1, 0]


def test_a_sign_of_life_that_was_dropped_is_sent_again(watched: Listener) -> None:
    systemd = Systemd()
    for _ in range(1000):
        systemd.status(STREAMING)
    systemd.tick()
    assert "WATCHDOG=1" not in watched.messages()
    systemd.tick()
    systemd.close()
    assert watched.messages() == ["WATCHDOG=1", "STOPPING=1"]


def test_the_watchdog_of_another_process_is_left_alone(watched: Listener, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WATCHDOG_PID", str(os.getppid()))
    assert beats(watched) == 0
    monkeypatch.delenv("WATCHDOG_PID")
    assert beats(watched) == 1


@pytest.mark.parametrize("microseconds", ["", "0", "-1", "soon", "²"])
def test_a_watchdog_period_that_is_none(watched: Listener, monkeypatch: pytest.MonkeyPatch, microseconds: str) -> None:
    monkeypatch.setenv("WATCHDOG_USEC", microseconds)
    assert beats(watched) == 0


@pytest.mark.parametrize("name", [None, "", "vsock:2:1234", "relative/path", "/nowhere/at/all", "@nobody"])
def test_nothing_happens_where_nobody_listens(name: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WATCHDOG_USEC", "1")
    monkeypatch.delenv("WATCHDOG_PID", raising=False)
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    if name is not None:
        monkeypatch.setenv("NOTIFY_SOCKET", name)
    systemd = Systemd()
    systemd.ready()
    systemd.tick()
    systemd.reloading()
    systemd.status(STREAMING)
    systemd.close()
    systemd.close()


def test_a_full_queue_holds_nobody_up(listener: Listener) -> None:
    """systemd is busy: the kernel keeps a few hundred datagrams at most, the rest is dropped, and later ones come."""
    systemd = Systemd()
    for _ in range(5000):
        systemd.status(STREAMING)
    assert 0 < len(listener.messages()) < 5000
    systemd.ready()
    systemd.close()
    assert listener.messages() == ["READY=1", "STOPPING=1"]


@pytest.mark.programs
def test_a_whole_service(watched: Listener, live: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Begun, loaded anew and stopped as systemd does it, and watched meanwhile: five signs of life a second."""
    monkeypatch.delenv("WATCHDOG_PID")
    said: list[str] = []

    def has_said(*words: str, times: int = 1) -> bool:
        said.extend(watched.messages())
        return all(sum(message.startswith(word) for message in said) >= times for word in words)

    running = live(INT8, "--source", "test", "--threads", 1, WATCHDOG_USEC="400000")
    wait_for(lambda: has_said("READY=1", "STATUS="), 20)
    wait_for(lambda: has_said("WATCHDOG=1", times=5), 20)
    said.clear()
    running.process.send_signal(signal.SIGHUP)
    wait_for(lambda: has_said("RELOADING=1", "READY=1", "WATCHDOG=1"), 20)
    assert running.end(signal.SIGTERM)[0] == 0
    assert has_said("STOPPING=1")


@pytest.mark.programs
def test_the_watchdog_is_signed_while_a_model_is_checked(tmp_path: Path, live: Any) -> None:
    """Between its golden images, each of which may take seconds. Here a sign is due whenever it is asked for one."""
    name = str(tmp_path / "notify")
    said: list[str] = []
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(name)

        def hear() -> None:
            while said[-1:] != ["STOPPING=1"]:
                said.append(listener.recv(4096).decode())

        hearing = threading.Thread(target=hear, daemon=True)
        hearing.start()
        running = live(INT8, "--source", "test", "--threads", 1, NOTIFY_SOCKET=name, WATCHDOG_USEC="1")
        wait_for(lambda: "READY=1" in said, 20)
        running.process.send_signal(signal.SIGHUP)
        running.wait_for(": reloaded")
        assert running.end(signal.SIGTERM)[0] == 0
        hearing.join(20)
    (began,) = (number for number, message in enumerate(said) if message.startswith("RELOADING=1"))
    assert said[began + 1 : said.index("READY=1", began)] == ["WATCHDOG=1"] * (len(Classifier(INT8).card.golden) + 1)


def documented() -> str:
    """The unit that docs/device.md shows."""
    document = (ROOT / "docs/device.md").read_text(encoding="utf-8")
    (unit,) = re.findall(r"```\n(\[Unit\]\n.*?)```", document, re.DOTALL)
    return str(unit)


@pytest.fixture
def unit(tmp_path: Path) -> Path:
    """The documented unit as a file. Its programs are these here."""
    if shutil.which("systemd-analyze") is None:
        missing("no systemd-analyze; install it with: apt install systemd")
    python = tmp_path / "framelite/.venv/bin/python"
    python.parent.mkdir(parents=True)
    python.symlink_to(sys.executable)
    file = tmp_path / "framelite.service"
    file.write_text(documented().replace("/opt/framelite", str(tmp_path / "framelite")))
    return file


def analyze(*words: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["systemd-analyze", *map(str, words)], capture_output=True, text=True, timeout=60)


@pytest.mark.programs
def test_the_unit_in_the_documents_is_one(unit: Path) -> None:
    """Every key and value is known to systemd."""
    done = analyze("verify", "--recursive-errors=yes", unit)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    unit.write_text(unit.read_text().replace("WatchdogSec", "WatchdogSeconds"))
    assert "WatchdogSeconds" in analyze("verify", "--recursive-errors=yes", unit).stderr


@pytest.mark.programs
def test_the_unit_in_the_documents_is_hardened(unit: Path) -> None:
    """At most 3.0 of 10 by systemd's own rating, with all that was asked for; without one part of it, it's worse."""
    done = analyze("security", "--offline=true", "--threshold=30", unit)
    assert done.returncode == 0, done.stdout
    keys = set(re.findall(r"^(\w+)=", unit.read_text(), re.MULTILINE))
    assert {"MemoryMax", "RestrictAddressFamilies", "CapabilityBoundingSet", "SystemCallFilter"} < keys
    assert {"ProtectHome", "ProtectKernelLogs", "ProtectKernelModules", "ProtectKernelTunables"} < keys
    unit.write_text(re.sub(r"^(Capability|SystemCall|Protect|Restrict).*\n", "", unit.read_text(), flags=re.MULTILINE))
    assert analyze("security", "--offline=true", "--threshold=30", unit).returncode != 0


@pytest.mark.programs
def test_the_command_of_the_unit_reads_its_credentials(live: Any, tmp_path: Path) -> None:
    """Its words are those of the unit, with other ports and a broker that isn't there."""
    credentials = dict(re.findall(r"^LoadCredential=(\w+):(\S+)$", documented(), re.MULTILINE))
    for name, text in {"source": "test", "token": "a-token-of-our-own", "mqtt": "a password"}.items():
        (tmp_path / name).write_text(f"{text}\n")
        assert credentials.pop(name) == f"/etc/framelite/{name}"
    assert credentials == {}
    line = re.findall(r"^ExecStart=\S+ -m device live ((?:.*\\\n)*.*)", documented(), re.MULTILINE)[0]
    assert "test" not in line
    for there, here in (
        ("\\\n", ""),
        ("${CREDENTIALS_DIRECTORY}", str(tmp_path)),
        ("0.0.0.0:8080", "127.0.0.1:0"),
        ("broker.local", "127.0.0.1:9"),
    ):
        line = line.replace(there, here)
    running = live(*line.split(), "--threads", 1)
    assert running.next()["number"] == 1
    assert get(running.port(), "/api/state", {"Authorization": "Bearer a-token-of-our-own"}).status == 200
    assert running.end(signal.SIGTERM)[0] == 0
