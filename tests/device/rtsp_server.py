"""An RTSP server for one viewer at a time, since Debian has none that is small: MJPEG over RTP, inside the connection.

RTSP: RFC 2326; interleaved RTP: its section 10.12; JPEG in RTP: RFC 2435. Its images are those of mjpeg_server.py.
"""

import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable
from contextlib import suppress

from tests.device.mjpeg_server import RATE, image

PIECE_BYTES = 1400
CLOCK = 90_000  # RTP's for JPEG, in ticks a second
ANSWERS = {
    "OPTIONS": "Public: OPTIONS, DESCRIBE, SETUP, PLAY, TEARDOWN\r\n",
    "SETUP": "Session: 1\r\nTransport: RTP/AVP/TCP;unicast;interleaved=0-1\r\n",
    "PLAY": "Session: 1\r\nRange: npt=0.000-\r\n",
}
DESCRIPTION = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=test\r\nt=0 0\r\nm=video 0 RTP/AVP 26\r\na=control:track\r\n"


class RtspServer:
    """Streams from when it is asked to play; `is_silent`: no image comes, though the connection stays open.

    tls: RTSP inside TLS. asked: the methods of all requests.
    """

    def __init__(self, port: int = 0, is_silent: bool = False, tls: ssl.SSLContext | None = None) -> None:
        self.is_silent, self._tls = is_silent, tls
        self.asked: list[str] = []
        self._is_killed = False
        self._listener = socket.create_server(("127.0.0.1", port))
        self.port: int = self._listener.getsockname()[1]
        self.url = f"rtsp{'s' if tls else ''}://127.0.0.1:{self.port}/camera"
        self._visitor: socket.socket | None = None
        self._thread = threading.Thread(target=self._serve, name="rtsp-server", daemon=True)
        self._thread.start()

    def kill(self) -> None:
        self._is_killed = True
        for one in (self._listener, self._visitor):
            if one is not None:
                with suppress(OSError):
                    one.shutdown(socket.SHUT_RDWR)
                one.close()
        self._thread.join(10)

    def _serve(self) -> None:
        while True:
            try:
                self._visitor, _ = self._listener.accept()
            except OSError:  # it was killed
                return
            if self._tls:
                self._visitor = self._tls.wrap_socket(self._visitor, server_side=True, do_handshake_on_connect=False)
            with self._visitor, suppress(OSError, ValueError):
                if isinstance(self._visitor, ssl.SSLSocket):
                    self._visitor.do_handshake()
                self._converse(self._visitor)

    def _converse(self, visitor: socket.socket) -> None:
        requests = visitor.makefile("rb")
        while True:
            method, address, number = request(requests.readline)
            self.asked.append(method)
            body = DESCRIPTION if method == "DESCRIBE" else ""
            described = f"Content-Base: {address}/\r\nContent-Type: application/sdp\r\nContent-Length: {len(body)}\r\n"
            head = described if body else ANSWERS.get(method, "")
            visitor.sendall(f"RTSP/1.0 200 OK\r\nCSeq: {number}\r\n{head}\r\n{body}".encode())
            if method == "PLAY":
                self._stream(visitor)

    def _stream(self, visitor: socket.socket) -> None:
        began, packet = time.monotonic(), 0
        for number in range(10**9):
            while self.is_silent and not self._is_killed:
                time.sleep(0.05)
            pieces = list(payloads(image(number)))
            for i, payload in enumerate(pieces):
                packet += 1
                last = 0x80 if i == len(pieces) - 1 else 0
                header = struct.pack(">BBHII", 0x80, 26 | last, packet % 65536, int(number * CLOCK / RATE), 1)
                visitor.sendall(struct.pack(">cBH", b"$", 0, len(header) + len(payload)) + header + payload)
            time.sleep(max(0.0, began + (number + 1) / RATE - time.monotonic()))


def request(readline: Callable[[], bytes]) -> tuple[str, str, str]:
    """(method, address, number) of the next one; ValueError when the visitor has gone."""
    lines = []
    while line := readline().decode().strip():
        lines.append(line)
    method, address, _ = " ".join(lines[:1]).split()
    (number,) = (line.split()[1] for line in lines if line.lower().startswith("cseq:"))
    return method, address, number


def payloads(jpeg: bytes) -> list[bytes]:
    """A baseline JPEG, 4:2:0 with the standard Huffman tables, as RTP sends it: its tables once, then its scan."""
    height, width = struct.unpack(">HH", segment(jpeg, 0xC0)[1:5])
    tables = b"".join(bytes(table[1:]) for table in quantization(jpeg))
    start = jpeg.index(b"\xff\xda")
    scan = jpeg[start + 2 + struct.unpack(">H", jpeg[start + 2 : start + 4])[0] : -2]
    made = []
    for place in range(0, len(scan), PIECE_BYTES):
        head = struct.pack(">I", place) + bytes([1, 255, width // 8, height // 8])
        first = struct.pack(">BBH", 0, 0, len(tables)) + tables if place == 0 else b""
        made.append(head + first + scan[place : place + PIECE_BYTES])
    return made


def segment(jpeg: bytes, mark: int) -> bytes:
    """What follows the length of the first segment with this mark."""
    place = 2
    while jpeg[place + 1] != mark:
        place += 2 + struct.unpack(">H", jpeg[place + 2 : place + 4])[0]
    length = struct.unpack(">H", jpeg[place + 2 : place + 4])[0]
    return jpeg[place + 4 : place + 2 + length]


def quantization(jpeg: bytes) -> list[bytes]:
    """Both tables, each with its number before it; OpenCV writes one a segment."""
    found, place = [], 2
    while jpeg[place + 1] != 0xDA:
        length = struct.unpack(">H", jpeg[place + 2 : place + 4])[0]
        if jpeg[place + 1] == 0xDB:
            data = jpeg[place + 4 : place + 2 + length]
            found += [data[i : i + 65] for i in range(0, len(data), 65)]
        place += 2 + length
    return found
