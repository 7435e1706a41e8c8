"""RTSP from a real server, through OpenCV: its frames, and a camera that is silent, gone, back, or never there."""

import os
import ssl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from device.images import images
from device.live import reader
from device.live.interfaces.frames import Frame, SourceLostError
from device.live.reader import Reader
from device.live.sources import rtsp
from device.live.sources.rtsp import Rtsp
from tests import servers
from tests.device.broker import certificates
from tests.device.feeding import wait_for
from tests.device.mjpeg_server import image
from tests.device.rtsp_server import RtspServer
from tests.limits import limits

pytestmark = pytest.mark.programs


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    limits(monkeypatch, reader, LONGEST_PAUSE_S=0.3)


@contextmanager
def serving(port: int = 0, is_silent: bool = False) -> Iterator[RtspServer]:
    server = RtspServer(port, is_silent)
    try:
        yield server
    finally:
        server.kill()


def test_frames_are_those_that_were_sent() -> None:
    sent = [images.decode(image(number))[::8, ::8].astype(int) for number in range(40)]
    with serving() as server, Rtsp(server.url) as source:
        found = []
        for _ in range(5):
            frame = source.read()
            assert (frame.image.shape, frame.color, frame.decoded) == ((480, 640, 3), "BGR", "full")
            errors = [np.abs(frame.image[::8, ::8, ::-1] - one).mean() for one in sent]
            assert min(errors) < 1 < sorted(errors)[1]
            found.append(int(np.argmin(errors)))
        assert found == list(range(found[0], found[0] + 5))


def test_a_camera_of_too_many_pixels(monkeypatch: pytest.MonkeyPatch) -> None:
    """The most, and one more."""
    with serving() as server:
        limits(monkeypatch, images, MAX_FRAME_PIXELS=640 * 480)
        with Rtsp(server.url) as source:
            source.read()
        limits(monkeypatch, images, MAX_FRAME_PIXELS=640 * 480 - 1)
        with pytest.raises(SourceLostError, match="640x480 pixels, expected at most"):
            Rtsp(server.url).open()


def test_a_camera_that_is_silent_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    limits(monkeypatch, rtsp, STALL_S=3.0)
    with serving() as server, Rtsp(server.url) as source:
        source.read()
        server.is_silent = True
        with pytest.raises(SourceLostError, match=f"{server.url} .*frames"):
            for _ in range(1000):
                source.read()


def test_what_is_not_there_says_so() -> None:
    with (
        pytest.raises(SourceLostError, match="password"),
        Rtsp(f"rtsp://anna:secret@127.0.0.1:{servers.free_port()}/camera"),
    ):
        pytest.fail("it was opened")


def test_a_camera_that_comes_back_is_answered_again() -> None:
    def take(running: Reader[Frame]) -> bool:
        return running.take(0.1) is not None

    with serving() as server, Reader(Rtsp(server.url), lambda frame: frame) as running:
        wait_for(lambda: take(running))
        server.kill()
        wait_for(lambda: not running.state.is_streaming)
        assert server.url in running.state.message
        with serving(server.port):
            wait_for(lambda: take(running) and running.state.is_streaming)


def test_the_end_does_not_wait_for_a_camera_that_is_being_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    """It answers and sends no image. What was begun ends by itself, later."""
    limits(monkeypatch, rtsp, STALL_S=3.0)
    with serving(is_silent=True) as server:
        running = Reader(Rtsp(server.url), lambda frame: frame)
        with running:
            assert running.take(0.2) is None and not running.state.is_opened
            began = time.monotonic()
        assert time.monotonic() - began < 2
        wait_for(lambda: running.state.has_ended)


# rtsps.


@pytest.fixture
def unset(monkeypatch: pytest.MonkeyPatch) -> None:
    """FFmpeg's options and the system's authorities as they are on a new machine; what is set meanwhile goes again."""
    for name in (rtsp.FFMPEG_OPTIONS, "SSL_CERT_FILE"):
        monkeypatch.setenv(name, "")
        del os.environ[name]


@contextmanager
def encrypted(folder: Path) -> Iterator[tuple[RtspServer, Path]]:
    """(a camera with a certificate for 127.0.0.1, that of its authority)."""
    made = certificates(folder, "camera")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(made.certificate, made.key)
    server = RtspServer(tls=context)
    try:
        yield server, made.ca
    finally:
        server.kill()


@pytest.mark.usefixtures("unset")
def test_an_encrypted_camera_of_an_unknown_authority_is_asked_nothing(tmp_path: Path) -> None:
    with encrypted(tmp_path) as (server, _):
        with (
            pytest.raises(SourceLostError, match=r"certificate .* /"),
            Rtsp(server.url.replace("rtsps://", "rtsps://anna:secret@")),
        ):
            pytest.fail("it was opened")
        assert server.asked == []


@pytest.mark.usefixtures("unset")
def test_an_encrypted_camera_of_a_trusted_authority(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """By its number FFmpeg doesn't ask whose the certificate is, which is said; by another name it is refused."""
    with encrypted(tmp_path) as (server, authority):
        monkeypatch.setenv("SSL_CERT_FILE", str(authority))
        with Rtsp(server.url) as source:
            assert source.read().image.shape == (480, 640, 3)
        note = capsys.readouterr().err
        assert note.startswith(f"note: {server.url}: FFmpeg ")
        server.asked.clear()
        with (
            pytest.raises(SourceLostError, match="certificate"),
            Rtsp(server.url.replace("127.0.0.1", "localhost")),
        ):
            pytest.fail("it was opened")
        assert server.asked == [] and capsys.readouterr().err == "", "said of the address with a number alone"


@pytest.mark.usefixtures("unset")
def test_who_tells_ffmpeg_what_to_do_is_told_what_that_leaves_out(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setenv(rtsp.FFMPEG_OPTIONS, "rtsp_transport;tcp")
    with encrypted(tmp_path) as (server, _):
        with Rtsp(server.url) as source:
            assert source.read().image.shape == (480, 640, 3)
        assert "expected tls_verify;1" in capsys.readouterr().err
    monkeypatch.setenv(rtsp.FFMPEG_OPTIONS, "tls_verify;1|ca_file;own.pem")
    Rtsp("rtsps://camera/live")
    assert capsys.readouterr().err == ""
    assert os.environ[rtsp.FFMPEG_OPTIONS] == "tls_verify;1|ca_file;own.pem"
