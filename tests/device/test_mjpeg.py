"""MJPEG over HTTP from a real server: whole frames, broken ones, and every way in which a camera can fail."""

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from device.images import images
from device.live import reader
from device.live.interfaces.frames import SourceLostError
from device.live.reader import Reader
from device.live.sources import mjpeg
from device.live.sources.mjpeg import Mjpeg
from tests.device import mjpeg_server
from tests.device.classifying import INT8
from tests.device.feeding import wait_for
from tests.device.mjpeg_server import Server
from tests.device.visiting import get, metric
from tests.limits import limits

pytestmark = pytest.mark.programs

Start = Callable[..., Server]


@pytest.fixture
def start() -> Iterator[Start]:
    servers: list[Server] = []

    def begin(mode: str, port: int | None = None) -> Server:
        servers.append(Server(mode, port))
        return servers[-1]

    yield begin
    for server in servers:
        server.kill()


@pytest.mark.parametrize("mode", ["good", "bare"])
def test_frames_are_those_that_were_sent(start: Start, mode: str) -> None:
    with Mjpeg(start(mode).url) as source:
        for number in range(20):
            frame = source.read()
            assert (frame.color, frame.decoded) == ("BGR", "full")
            sent = images.decode(mjpeg_server.image(number))
            assert np.array_equal(frame.image[:, :, ::-1], sent)
            assert 0 <= frame.age_ms < 5000


@pytest.mark.parametrize("mode", ["short", "thumbnail"])
def test_cameras_that_say_less_than_they_send(start: Start, mode: str) -> None:
    """A length that is two bytes short; none at all, and a thumbnail whose end comes first."""
    with Mjpeg(start(mode).url) as source:
        for number in range(10):
            assert np.array_equal(source.read().image[:, :, ::-1], images.decode(mjpeg_server.image(number)))


def test_it_decodes_at_a_part_where_twice_the_target_is_left(start: Start) -> None:
    """480 rows: an eighth is 60, a quarter 120, a half 240."""
    url = start("good").url
    for target, decoded, rows in (
        (30, "1/8", 60),
        (31, "1/4", 120),
        (60, "1/4", 120),
        (96, "1/2", 240),
        (224, "full", 480),
    ):
        with Mjpeg(url, (target, target)) as source:
            frame = source.read()
            assert (frame.decoded, frame.image.shape) == (decoded, (rows, rows * 4 // 3, 3)), target


@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        ("html", "responds with text/html, expected multipart/x-mixed-replace"),
        ("missing", "404 Not Found"),
    ],
)
def test_what_is_no_stream_says_so(start: Start, mode: str, expected: str) -> None:
    with pytest.raises(SourceLostError, match=expected), Mjpeg(start(mode).url):
        pytest.fail("it was opened")


@pytest.mark.parametrize("url", ["http://127.0.0.1:9/video", "http://nowhere.invalid/video"])
def test_what_is_not_there_says_so(url: str) -> None:
    with pytest.raises(SourceLostError, match="is unreachable"), Mjpeg(url):
        pytest.fail("it was opened")


def test_broken_frames_are_passed_over(start: Start) -> None:
    """In the middle of a stream that goes on."""
    with Mjpeg(start("some").url) as source:
        for number in range(0, 30, 3):
            sent = images.decode(mjpeg_server.image(number))
            assert np.array_equal(source.read().image[:, :, ::-1], sent), number
            # And counted, but for what has no JPEG's beginning: that is no frame.
            assert number // 3 <= source.unusable <= 2 * number // 3


@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        ("garbage", "no frames|no whole frame|sent no"),
        ("half", "truncated|decoded"),
        ("large", "11585x11585 pixels, expected at most 16777216"),
        ("silent", "no whole frame|timed out"),
    ],
)
def test_frames_that_never_come_are_given_up(
    start: Start, mode: str, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    limits(monkeypatch, mjpeg, STALL_S=1.0)
    began = time.monotonic()
    with Mjpeg(start(mode).url) as source, pytest.raises(SourceLostError, match=expected):
        source.read()
    assert time.monotonic() - began < 10


def test_a_frame_has_an_end(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a camera that says no length: the most is gathered, and no more."""
    limits(monkeypatch, mjpeg, PIECE_BYTES=1000, MAX_FRAME_BYTES=len(mjpeg_server.image(0)) // 2)
    with Mjpeg(start("bare").url) as source:
        with pytest.raises(SourceLostError, match=r"no end .* \d+ bytes"):
            source.read()
        assert len(source._bytes) <= mjpeg.MAX_FRAME_BYTES + mjpeg.PIECE_BYTES  # or memory would tell


def test_frames_that_cannot_be_used_are_told(start: Start, live: Any) -> None:
    server = start("some")
    one = live(INT8, "--source", server.url, "--threads", 1, "--serve", "127.0.0.1:0")
    port = one.port()
    wait_for(lambda: metric(port, "framelite_frames_unusable_total") > 1)
    while (answer := one.next())["unusable"] < 2:
        assert answer["unusable"] <= 2 * answer["number"]
    server.break_streams("large")
    wait_for(lambda: not get(port, "/api/state").json["status"]["is_streaming"])
    assert get(port, "/api/state").json["status"]["unusable"] > get(port, "/api/state").json["result"]["unusable"] > 1


def test_a_server_that_dies_is_noticed_and_can_be_opened_again(start: Start) -> None:
    server = start("good")
    source = Mjpeg(server.url)
    for _ in range(3):
        with source:
            assert source.read().image.shape == (480, 640, 3)
            server.kill()
            with pytest.raises(SourceLostError, match=r"broke off|has ended"):
                for _ in range(1000):
                    source.read()
        server = start("good", server.port)


def test_a_read_that_waits_returns_when_it_is_canceled(start: Start) -> None:
    with Mjpeg(start("silent").url) as source:
        failed: list[SourceLostError] = []

        def read() -> None:
            try:
                source.read()
            except SourceLostError as error:
                failed.append(error)

        thread = threading.Thread(target=read)
        thread.start()
        time.sleep(0.2)
        began = time.monotonic()
        source.cancel()
        thread.join(4)
        assert not thread.is_alive() and failed
        assert time.monotonic() - began < 3, "long before the time-out"


def test_the_same_image_again_and_again_is_a_stream(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    """A covered lens: every part was newly received."""
    limits(monkeypatch, reader, STALL_S=0.3)
    with Reader(Mjpeg(start("same").url), lambda frame: frame) as running:
        captured = [frame.captured for _ in range(45) if (frame := running.take(5)) is not None]
        assert captured[-1] - captured[0] > 1
        assert len(set(captured)) == 45 and running.state.lost == 0


def test_passwords_are_sent_and_never_shown(start: Start) -> None:
    server = start("good")
    source = Mjpeg(server.url.replace("127.0.0.1", "anna:se%40cret@127.0.0.1"))
    assert source.name == server.url
    assert (source.address.user, source.address.password) == ("anna", "se@cret")
    assert source.address.requested == server.url
    with source:
        assert source.read().image.shape == (480, 640, 3)
