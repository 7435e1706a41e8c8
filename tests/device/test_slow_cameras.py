"""Cameras that are never silent and never done: a byte now and then, of a header, a redirect, a frame. Real sockets."""

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from device.live.interfaces.frames import SourceLostError
from device.live.reader import Reader
from device.live.sources import connection, mjpeg
from device.live.sources.mjpeg import Mjpeg
from tests.device.broker import certificates
from tests.device.feeding import wait_for
from tests.device.mjpeg_server import image
from tests.limits import limits

pytestmark = pytest.mark.programs

# Of each: a tenth of what the test allows for all, so that no single read is ever late.
PAUSE_S, LIMIT_S = 0.1, 1.0
HEADER = b"HTTP/1.1 200 OK\r\nContent-Type: multipart/x-mixed-replace; boundary=frame\r\n"
Answer = Callable[[socket.socket, "SlowCamera"], None]


class SlowCamera:
    """Answers every request with `answer`, in a thread each, inside TLS where it is given a context for that."""

    def __init__(self, answer: Answer, tls: ssl.SSLContext | None = None) -> None:
        self._answer, self._tls = answer, tls
        self._is_over = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http{'s' if tls else ''}://127.0.0.1:{self._listener.getsockname()[1]}/video"
        self._threads = [threading.Thread(target=self._listen, daemon=True)]
        self._threads[0].start()

    def trickle(self, visitor: socket.socket, data: bytes) -> None:
        """A byte at a time."""
        for byte in data:
            visitor.sendall(bytes([byte]))
            if self._is_over.wait(PAUSE_S):
                return

    def pause(self) -> None:
        self._is_over.wait(PAUSE_S)

    def close(self) -> None:
        self._is_over.set()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join(10)

    def _listen(self) -> None:
        while True:
            try:
                visitor, _ = self._listener.accept()
            except OSError:  # it was closed
                return
            self._threads.append(threading.Thread(target=self._talk, args=(visitor,), daemon=True))
            self._threads[-1].start()

    def _talk(self, visitor: socket.socket) -> None:
        if self._tls:
            visitor = self._tls.wrap_socket(visitor, server_side=True, do_handshake_on_connect=False)
        with visitor, suppress(OSError):  # the visitor has gone
            visitor.recv(4096)
            self._answer(visitor, self)


def header(visitor: socket.socket, camera: SlowCamera) -> None:
    """It would open at last, after half a minute."""
    camera.trickle(visitor, HEADER + b"X: %s\r\n\r\n" % (b"x" * 220))


def redirects(visitor: socket.socket, camera: SlowCamera) -> None:
    """Each is there soon, and leads to the next. (To other paths: urllib ends what goes round.)"""
    for _ in range(4):
        camera.pause()
    visitor.sendall(b"HTTP/1.1 302 Found\r\nLocation: /%d\r\n\r\n" % id(visitor))


def challenges(visitor: socket.socket, camera: SlowCamera) -> None:
    """An endless list of headers, a line at a time."""
    visitor.sendall(b"HTTP/1.1 401 Unauthorized\r\n")
    for number in range(80):
        visitor.sendall(b"X-%d: x\r\n" % number)
        camera.pause()


@contextmanager
def serving(answer: Answer, tls: ssl.SSLContext | None = None) -> Iterator[SlowCamera]:
    camera = SlowCamera(answer, tls)
    try:
        yield camera
    finally:
        camera.close()


@pytest.fixture(params=[False, True], ids=["http", "https"])
def tls(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ssl.SSLContext | None:
    """With a certificate of an authority that is trusted meanwhile; or none."""
    if not request.param:
        return None
    made = certificates(tmp_path, "camera")
    monkeypatch.setenv("SSL_CERT_FILE", str(made.ca))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(made.certificate, made.key)
    return context


@pytest.mark.parametrize("answer", [header, redirects, challenges])
def test_opening_has_a_deadline_for_all_of_it(
    answer: Answer, tls: ssl.SSLContext | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each would go on for many times as long, and then be something else than late."""
    limits(monkeypatch, connection, OPEN_S=LIMIT_S)
    with (
        serving(answer, tls) as camera,
        pytest.raises(SourceLostError, match=r"is unreachable: timed out$"),
        Mjpeg(camera.url),
    ):
        pytest.fail("it was opened")


def ftp(visitor: socket.socket, camera: SlowCamera) -> None:
    visitor.sendall(b"HTTP/1.1 302 Found\r\nLocation: %s\r\n\r\n" % camera.url.replace("http:", "ftp:").encode())


def test_a_redirect_to_another_protocol_is_not_followed() -> None:
    """FTP has no deadline."""
    with (
        serving(ftp) as camera,
        pytest.raises(SourceLostError, match="is unreachable: invalid HTTP"),
        Mjpeg(camera.url),
    ):
        pytest.fail("it was opened")


@pytest.mark.parametrize("length", ["", "Content-Length: 1%s\r\n" % ("0" * 15), "Content-Length: 1%s\r\n" % ("0" * 30)])
def test_the_body_of_a_redirect_is_not_read(length: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """One without an end would fill the memory until the deadline, and for one that is said to be large it is asked."""
    limits(monkeypatch, connection, OPEN_S=LIMIT_S)
    visits: list[int] = []

    def answer(visitor: socket.socket, camera: SlowCamera) -> None:
        visits.append(len(visits))
        if len(visits) > 1:
            visitor.sendall(HEADER + b"\r\n--frame\r\n\r\n" + image(0) + b"\r\n--frame\r\n\r\n")
            return
        visitor.sendall(b"HTTP/1.1 302 Found\r\nLocation: /there\r\n%s\r\n" % length.encode())
        for _ in range(100):
            visitor.sendall(bytes(1000))
            camera.pause()

    with serving(answer) as camera, Mjpeg(camera.url) as source:
        assert source.read().image.shape == (480, 640, 3)


def test_redirects_have_an_end() -> None:
    visits: list[int] = []

    def answer(visitor: socket.socket, camera: SlowCamera) -> None:
        visits.append(len(visits))
        visitor.sendall(b"HTTP/1.1 302 Found\r\nLocation: /%d\r\n\r\n" % len(visits))

    with serving(answer) as camera, pytest.raises(SourceLostError, match="302 Found"):
        Mjpeg(camera.url).open()
    assert len(visits) == 11


def test_a_header_has_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """The most, and one more."""

    def answer(visitor: socket.socket, camera: SlowCamera) -> None:
        visitor.sendall(HEADER + b"X: x\r\n\r\n")

    size = len(HEADER + b"X: x\r\n\r\n")
    with serving(answer) as camera:
        limits(monkeypatch, connection, MAX_HEADER_BYTES=size)
        Mjpeg(camera.url).open()
        limits(monkeypatch, connection, MAX_HEADER_BYTES=size - 1)
        with pytest.raises(SourceLostError, match=rf"header .* {size - 1} bytes$"):
            Mjpeg(camera.url).open()


def test_what_a_camera_wants_is_said_in_few_words() -> None:
    def answer(visitor: socket.socket, camera: SlowCamera) -> None:
        wanted = b"".join(b"WWW-Authenticate: A%s\r\n" % (b"a" * 1200) for _ in range(90))
        visitor.sendall(b"HTTP/1.1 401 Unauthorized\r\n%s\r\n" % wanted)

    with serving(answer) as camera, pytest.raises(SourceLostError, match="and wants Aaaa") as refused:
        Mjpeg(camera.url).open()
    assert len(str(refused.value)) < 1500


@pytest.mark.parametrize("place", ["http://127.0.0.1:70000/", "http://127.0.0.1:1%s/" % ("0" * 30), "http://[/"])
def test_a_redirect_to_no_place(place: str) -> None:
    def answer(visitor: socket.socket, camera: SlowCamera) -> None:
        visitor.sendall(b"HTTP/1.1 302 Found\r\nLocation: %s\r\n\r\n" % place.encode())

    with serving(answer) as camera, pytest.raises(SourceLostError, match="is unreachable"):
        Mjpeg(camera.url).open()


def chunks(visitor: socket.socket, camera: SlowCamera) -> None:
    """A good frame; then the size of a chunk comes, a digit at a time."""
    part = b"--frame\r\n\r\n" + image(0) + b"\r\n"
    visitor.sendall(HEADER + b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%b\r\n" % (len(part), part))
    camera.trickle(visitor, b"0" * 60 + b"\r\n\r\n")


def test_reading_has_a_deadline_for_a_frame(tls: ssl.SSLContext | None, monkeypatch: pytest.MonkeyPatch) -> None:
    limits(monkeypatch, mjpeg, STALL_S=LIMIT_S)
    with serving(chunks, tls) as camera, Mjpeg(camera.url) as source:
        assert source.read().image.shape == (480, 640, 3)
        with pytest.raises(SourceLostError, match=r"whole frame .*1 s$"):
            source.read()


def test_a_camera_that_became_slow_is_opened_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first time it streams a frame, then it trickles its header for ever, then it is well again."""
    limits(monkeypatch, connection, OPEN_S=LIMIT_S)
    visits: list[int] = []

    def answer(visitor: socket.socket, camera: SlowCamera) -> None:
        visits.append(len(visits))
        if visits[-1] == 1:
            header(visitor, camera)
            return
        visitor.sendall(HEADER + b"\r\n--frame\r\n\r\n" + image(visits[-1]) + b"\r\n--frame\r\n\r\n")

    with serving(answer) as camera, Reader(Mjpeg(camera.url), lambda frame: frame) as running:
        wait_for(lambda: running.take(0.1) is not None and len(visits) > 2, 20)
        assert running.state.lost >= 1
