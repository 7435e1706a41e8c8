"""A camera's password is nowhere to be seen: through the real command, in everything that it writes, serves and sends.

Looked at: stderr, stdout (JSON lines), the page, /api/state, /api/events, /metrics, /healthz, every MQTT topic, what
systemd is told, the environment of commands, its own command line (ps), threads' names.
"""

import base64
import signal
import socket
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from tests import servers
from tests.conftest import ROOT, Run
from tests.device.broker import Mosquitto, Watcher
from tests.device.classifying import INT8
from tests.device.guarded_camera import GuardedCamera
from tests.device.refusals import refusal
from tests.device.rtsp_server import RtspServer
from tests.device.visiting import Viewer, get

pytestmark = pytest.mark.programs

# No word of it stands in anything else that is said.
USER, PASSWORD = "Usr7Quux", "Kw9@Zyzzy/ä"
ENCODED = quote(PASSWORD, safe="")
PLAIN = "Zyzzy7Kw"
PATHS = ("/", "/api/state", "/metrics", "/healthz")


def traces(text: str) -> list[str]:
    """What of the user and the password stands there, in any of the forms that it has on the way."""
    pair = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
    words = [USER, "Zyzzy", "Kw9", ENCODED, quote(ENCODED), pair, base64.b64encode(PASSWORD.encode()).decode()]
    return [word for word in words if word.lower() in text.lower()]


class Notified:
    """The socket of a systemd that listens."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(str(path))
        self.socket.settimeout(0)

    def read(self) -> str:
        said = []
        try:
            while True:
                said.append(self.socket.recv(4096).decode())
        except BlockingIOError:
            self.socket.close()
        return "\n".join(said)


def thread_names(process: int) -> str:
    return " ".join(path.read_text() for path in Path(f"/proc/{process}/task").glob("*/comm"))


def everything(
    live: Any, source: str, lose: Any, folder: Path, mosquitto: Mosquitto, way: str = "--source"
) -> Iterable[tuple[str, str]]:
    """(where, what) of all that a classifier says from its start, through a loss of its source, to its end.

    way: how it is told of the source; but for --source, its command line is looked at too.
    """
    (folder / "source").write_text(f"{source}\n")
    words = {"--source": (source,), "--source-file": (folder / "source",)}
    said_source = (way, *words[way]) if way in words else ()
    systemd = Notified(folder / "notify")
    telling = ("--mqtt", f"127.0.0.1:{mosquitto.port}", "--on-label", "unknown:0", "env")
    with Watcher(mosquitto.port) as watcher:
        running = live(
            *(INT8, *said_source, "--threads", 1, "--threshold", 1, "--serve", "127.0.0.1:0", *telling),
            **({} if way in words else {way: source}),
            forked=way == "--source",  # else its own command line is looked at
            NOTIFY_SOCKET=str(systemd.path),
            CREDENTIALS_DIRECTORY=f"/run/credentials/{PLAIN}",
        )
        if way != "--source":
            yield "ps", Path(f"/proc/{running.process.pid}/cmdline").read_text()
        answers = [str(running.next()) for _ in range(3)]
        yield "jsonl", "\n".join(answers)
        port = running.port()
        with Viewer(port, "/api/events") as viewer:
            events = viewer.events()
            seen = [next(events)]
            yield from ((path, get(port, path).body.decode()) for path in PATHS)
            yield "threads", thread_names(running.process.pid)
            watcher.wait_for(lambda: len(watcher.topics()) >= 8)
            lose()
            running.wait_for("trying again")
            while seen[-1][0] != "status":
                seen.append(next(events))
        yield "events", str(seen)
        yield from ((path, get(port, path).body.decode()) for path in PATHS)
        returned, said, _ = running.end(signal.SIGTERM)
        assert returned == 0
        yield "stderr", said
        assert "FRAMELITE_LABEL" in said, "the command's environment"
        yield "mqtt", "\n".join(f"{told.topic} {told.text}" for told in watcher.topics().values())
    yield "systemd", systemd.read()


@pytest.mark.parametrize(
    ("way", "userinfo", "target", "told"),
    [
        ("digest SHA-256", f"{USER}:{ENCODED}", "/video", "--source"),
        ("basic", f"{USER}:{ENCODED}", f"/video?usr={USER}&pwd={PLAIN}", "--source-file"),
        ("open", "", f"/user={USER}&password={PLAIN}&channel=1", "FRAMELITE_SOURCE"),
    ],
    ids=["digest", "query", "path"],  # pytest puts a test's name into the environment
)
def test_nothing_of_a_cameras_password_is_seen(
    way: str, userinfo: str, target: str, told: str, live: Any, tmp_path: Path, mosquitto: Mosquitto
) -> None:
    with GuardedCamera(way, USER, PASSWORD) as camera:

        def lose() -> None:
            camera.way = "garbled"
            camera.cut()

        for where, text in everything(live, camera.url(userinfo, target), lose, tmp_path, mosquitto, told):
            assert text and traces(text) == [], where


def test_nothing_of_an_rtsp_cameras_password_is_seen(live: Any, tmp_path: Path, mosquitto: Mosquitto) -> None:
    server = RtspServer()
    source = f"RTSP://{USER}:{ENCODED}@127.0.0.1:{server.port}/user={USER}_password={PLAIN}_stream=0.sdp?real_stream"
    try:
        for where, text in everything(live, source, server.kill, tmp_path, mosquitto):
            assert text and traces(text) == [], where
    finally:
        server.kill()


@pytest.mark.parametrize("sign", list("#/?[]%@"))
def test_a_malformed_address_is_not_repeated(command: Run, sign: str) -> None:
    for source in (f"http://{USER}:Kw9{sign}Zyzzy@127.0.0.1:9/video", f"rtsp://{USER}:12{sign}Zyzzy@camera/"):
        done = command("device", "live", INT8, "--source", source, "--headless")
        assert "percent-encod" in refusal(done)
        assert traces(done.stderr + done.stdout) == []


@pytest.mark.parametrize(
    "source",
    [
        f"http://{USER}:{ENCODED}@127.0.0.1:PORT/video?token={PLAIN}",
        f"HTTP://{USER}:{ENCODED}@127.0.0.1:PORT/{PLAIN}=1",
        f"https://{USER}:{ENCODED}@127.0.0.1:PORT/token/{PLAIN}",
        f"rtsp://{USER}:{ENCODED}@127.0.0.1:PORT/live?pwd={PLAIN}",
        f"rtsps://{USER}:{ENCODED}@127.0.0.1:PORT/",
        f"rtmp://{USER}:{ENCODED}@127.0.0.1/live",
        f"rtps://{USER}:{PASSWORD}@127.0.0.1/live",
        f"http:/{USER}:{PASSWORD}@127.0.0.1/video",
        f"http//{USER}:{PASSWORD}@127.0.0.1/video",
        f"//{USER}:{PASSWORD}@127.0.0.1/video",
        f"{USER}:{PASSWORD}@127.0.0.1/video",
        f"{USER}@127.0.0.1/video",
        f"127.0.0.1/video?user={USER}&pwd={PLAIN}",
        f"127.0.0.1/user={USER}&password={PLAIN}",
    ],
)
def test_what_can_not_be_reached_is_not_repeated(command: Run, source: str) -> None:
    text = source.replace("PORT", str(servers.free_port()))
    for words in (["--source", text], ["--source", text, "--loop"]):
        done = command("device", "live", INT8, *words, "--headless")
        refusal(done)
        assert traces(done.stderr + done.stdout) == []


@pytest.mark.parametrize("scheme", ["http://", "rtsp://", "RTSP:/"])
def test_an_address_in_a_wrong_place_is_not_repeated(command: Run, scheme: str) -> None:
    """Without --source, with that misspelled, as a number, as a file, as a broker."""
    address = f"{scheme}{USER}:{PASSWORD}@127.0.0.1/video?pwd={PLAIN}"
    for words in (
        ["live", address],
        ["live", INT8, address],
        ["live", INT8, f"--sorce={address}"],
        ["live", INT8, "--threads", address],
        ["live", INT8, "--source", "test", "--labels", address],
        ["live", INT8, "--source", "test", "--mqtt", address],
        ["live", INT8, "--source", "test", "--mqtt", f"{USER}:{PASSWORD}@broker"],
        ["live", "--auto", address],
        ["classify", INT8, address],
        ["classify", address, "image.png"],
        ["info", address],
        ["check", INT8, "--data", address],
    ):
        done = command("device", *words)
        assert done.returncode == 2, words
        assert traces(done.stderr + done.stdout) == [], words
        assert "Traceback" not in done.stderr


def test_a_crash_shows_no_password(tmp_path: Path) -> None:
    """A library's exception may hold the address it was given."""
    program = (
        "from device import command\n"
        "def main():\n"
        f"    raise RuntimeError('http://{USER}:Kw9Zyzzy@camera/video?pwd={PLAIN}&x=1 is broken')\n"
        "command.run(main)"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 70 and "RuntimeError: http://…@camera/video?pwd=…&x=… is broken" in done.stderr
    assert traces(done.stderr.partition("RuntimeError: ")[2]) == []
