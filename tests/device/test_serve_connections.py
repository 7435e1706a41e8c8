"""How many may come to the page, and how long they may take: one more than each bound, on real sockets."""

import socket
import sys
import threading
from contextlib import ExitStack

import pytest

from device.live.outputs.web.serve import Serve
from device.live.outputs.web.server import address, authentication, connections
from device.live.outputs.web.server.address import Listener
from tests.conftest import missing
from tests.device.feeding import Feed, wait_for
from tests.device.visiting import PATIENCE_S, Viewer, get, metric
from tests.limits import limits

pytestmark = pytest.mark.programs


def connected(serve: Serve, stack: ExitStack, sends: str = "") -> socket.socket:
    visitor = stack.enter_context(socket.create_connection(("127.0.0.1", serve.port), timeout=PATIENCE_S))
    visitor.sendall(sends.encode())
    return visitor


def has_ended(visitor: socket.socket) -> bool:
    """Whether the server let it go; what it said before is passed over."""
    visitor.setblocking(False)
    try:
        while visitor.recv(1 << 16):
            pass
    except BlockingIOError:
        return False
    except ConnectionError:
        pass
    return True


def test_silent_connections_keep_nobody_out(serve: Serve, answers: Feed, monkeypatch: pytest.MonkeyPatch) -> None:
    """Three hundred, and one with half a header, are let go; a viewer goes on, and others come in meanwhile."""
    limits(monkeypatch, connections, REQUEST_S=2.0)
    with ExitStack() as stack:
        viewer = stack.enter_context(Viewer(serve.port, "/api/events"))
        events = viewer.events()
        assert next(events)[0] == "state"
        before = threading.active_count()
        silent = [connected(serve, stack) for _ in range(300)]
        silent.append(connected(serve, stack, "GET / HTTP/1.1\r\nHost: local"))
        assert get(serve.port, "/api/state").status == 200
        late = stack.enter_context(Viewer(serve.port, "/api/events")).events()
        assert next(late)[0] == "state"
        wait_for(lambda: all(map(has_ended, silent)))
        assert threading.active_count() == before
        serve.show(answers.next())
        for one in (events, late):
            while next(one)[0] != "result":
                pass
        assert metric(serve.port, "framelite_viewers") == 2


def test_one_connection_more_puts_out_the_first(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    limits(monkeypatch, connections, MAX_CONNECTIONS=4)
    with ExitStack() as stack:
        first, *others = (connected(serve, stack) for _ in range(3))
        fourth = connected(serve, stack, "GET /api/state HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert fourth.recv(12) == b"HTTP/1.1 200"  # so that all four are known there
        assert not any(map(has_ended, (first, *others, fourth)))
        others.append(connected(serve, stack))
        wait_for(lambda: has_ended(first))
        assert not any(map(has_ended, (*others, fourth)))
        for one in others:  # and these are served
            one.settimeout(PATIENCE_S)
            one.sendall(b"GET /api/state HTTP/1.0\r\nHost: localhost\r\n\r\n")
            assert one.recv(12) == b"HTTP/1.1 200"


@pytest.mark.parametrize("begins", ["", "GET /api/state HTTP/1.1\r\nHost: localhost\r\n\r\n"], ids=["first", "second"])
def test_a_header_that_comes_byte_by_byte(begins: str, serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first one of a connection, and one after an answer: each byte would make other limits begin anew."""
    limits(monkeypatch, connections, REQUEST_S=0.5)
    with ExitStack() as stack:
        visitor = connected(serve, stack, begins)

        def is_cut_off() -> bool:
            try:
                visitor.send(b"X")
            except ConnectionError:
                return True
            return has_ended(visitor)

        wait_for(is_cut_off)


def test_a_header_of_more_bytes_than_are_kept(serve: Serve) -> None:
    start = "GET /api/state HTTP/1.1\r\nHost: localhost\r\nPadding: "
    with ExitStack() as stack:
        full = start.ljust(connections.MAX_HEADER_BYTES - 4, "x") + "\r\n\r\n"
        assert connected(serve, stack, full).recv(12) == b"HTTP/1.1 200"
        more = connected(serve, stack, start.ljust(connections.MAX_HEADER_BYTES + 1, "x"))
        assert more.recv(12) == b"HTTP/1.1 400"
        wait_for(lambda: has_ended(more))


def test_a_form_that_does_not_end(answers: Feed, monkeypatch: pytest.MonkeyPatch) -> None:
    limits(monkeypatch, authentication, FORM_S=0.3)
    limits(monkeypatch, connections, REQUEST_S=0.3)
    serve = Serve("0.0.0.0:0", answers.card, "a-token-of-its-own")
    try:
        with ExitStack() as stack:
            post = "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\ntoken="
            visitor = connected(serve, stack, post)
            assert visitor.recv(12) == b"HTTP/1.1 401"
            wait_for(lambda: has_ended(visitor))
    finally:
        serve.close()


def test_one_viewer_more_is_refused(serve: Serve, answers: Feed, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without harm to those who are there, or to requests that end."""
    limits(monkeypatch, connections, MAX_VIEWERS=3)
    with ExitStack() as stack:
        viewers = [stack.enter_context(Viewer(serve.port, "/api/events")) for _ in range(3)]
        for viewer in viewers:
            viewer.until(b"\n\n")
        for path in ("/api/events", "/stream.mjpg"):
            refused = get(serve.port, path)
            assert (refused.status, refused.headers["x-frame-options"]) == (503, "DENY")
        assert get(serve.port, "/api/state").status == 200
        serve.show(answers.next())
        for viewer in viewers:
            viewer.until(b"event: result")
    wait_for(lambda: metric(serve.port, "framelite_viewers") == 0)
    with Viewer(serve.port, "/api/events") as viewer:
        viewer.until(b"event: state")


def test_connections_are_probed_and_small() -> None:
    """What is set on the listener holds for those who come: nobody's end is overlooked, and nobody sends much."""
    if sys.platform != "linux":
        missing("only Linux has these options")
    listener = Listener("127.0.0.1:0")
    with listener.socket, socket.create_connection(("127.0.0.1", listener.port)):
        accepted, _ = listener.socket.accept()
        with accepted:
            assert accepted.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
            options = (socket.TCP_KEEPIDLE, socket.TCP_KEEPINTVL, socket.TCP_KEEPCNT, socket.TCP_USER_TIMEOUT)
            idle, between, count, silent_ms = (accepted.getsockopt(socket.IPPROTO_TCP, option) for option in options)
            assert idle + between * count <= 2 * address.SILENT_S and silent_ms == 1000 * address.SILENT_S
            received = accepted.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF)
            assert received <= 2 * address.RECEIVE_BUFFER_BYTES  # Linux counts its own part too
