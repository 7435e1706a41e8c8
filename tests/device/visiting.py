"""Clients of the page that are no browser: single requests, and viewers of the endless streams."""

import http.client
import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any

import cv2
import numpy as np

from device.images.images import Pixels

# Against a test that would never end; no test is about this time.
PATIENCE_S = 10

PATHS = [
    "/",
    "/style.css",
    "/places.js",
    "/script.js",
    "/icon.svg",
    "/api/state",
    "/api/events",
    "/stream.mjpg",
    "/metrics",
]
ENDLESS = {"/api/events", "/stream.mjpg"}


@dataclass(frozen=True)
class Answer:
    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


def get(
    port: int, path: str, headers: dict[str, str] | None = None, method: str = "GET", body: str | None = None
) -> Answer:
    """One request; the path goes out as it is, and no redirect is followed."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE_S)
    try:
        connection.request(method, path, body, headers or {})
        answer = connection.getresponse()
        return Answer(answer.status, answer.headers, answer.read())
    finally:
        connection.close()


def status_of(port: int, path: str, headers: dict[str, str] | None = None) -> int:
    """Of one request. A stream's is asked for with HEAD, which ends."""
    return get(port, path, headers, "HEAD" if path.partition("?")[0] in ENDLESS else "GET").status


@contextmanager
def proxy(port: int) -> Iterator[int]:
    """The port of a reverse proxy on this machine, which asks the page at `port` under the name 127.0.0.1."""

    class Proxy(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            passed = {name: value for name, value in self.headers.items() if name != "Host"}
            answer = get(port, self.path, {**passed, "X-Forwarded-For": self.client_address[0]})
            self.send_response(answer.status)
            self.end_headers()
            self.wfile.write(answer.body)

        def log_message(self, format: str, *words: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Proxy)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class Viewer:
    """Has one of the streams open. With a small `buffer` the kernel takes little for it while it reads nothing."""

    def __init__(self, port: int, path: str, buffer: int | None = None) -> None:
        self.socket = socket.socket()
        if buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
        self.socket.settimeout(PATIENCE_S)
        self.socket.connect(("127.0.0.1", port))
        self.socket.sendall(f"GET {path} HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n".encode())
        self._received = b""

    def __enter__(self) -> "Viewer":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.socket.close()

    def until(self, mark: bytes) -> bytes:
        """What comes before a mark; EOFError when the stream ends without it."""
        while mark not in self._received:
            self._received += self._more()
        found, _, self._received = self._received.partition(mark)
        return found

    def _more(self) -> bytes:
        data = self.socket.recv(1 << 16)
        if not data:
            raise EOFError("the server closed the stream")
        return data

    def events(self) -> Iterator[tuple[str, Any]]:
        """(kind, document) of each server-sent event."""
        self.until(b"\r\n\r\n")
        while True:
            lines = self.until(b"\n\n").decode().split("\n")
            if not lines[0].startswith(":"):
                yield lines[0].removeprefix("event: "), json.loads(lines[1].removeprefix("data: "))

    def images(self) -> Iterator[Pixels]:
        """Each image of the MJPEG stream, BGR."""
        head = b"--frame\r\nContent-Type: image/jpeg\r\n\r\n"
        self.until(b"\r\n\r\n" + head)
        while True:
            part = self.until(b"\r\n" + head)
            image = cv2.imdecode(np.frombuffer(part, np.uint8), cv2.IMREAD_COLOR)
            assert image is not None
            yield image.astype(np.uint8)

    def rest(self) -> int:
        """Reads what comes until nothing does for a while; how many bytes these were."""
        self.socket.settimeout(0.5)
        count = 0
        try:
            while data := self.socket.recv(1 << 20):
                count += len(data)
        except (TimeoutError, ConnectionError):
            pass
        return count


def metric(port: int, name: str) -> float:
    """One figure of /metrics."""
    for line in get(port, "/metrics").body.decode().splitlines():
        if line.startswith(f"{name} "):
            return float(line.split()[1])
    raise AssertionError(f"no {name} in /metrics")
