"""A real MJPEG server, in a process of its own so that it can be killed: a camera on the network that misbehaves.

    python -m tests.device.mjpeg_server PORT MODE

good      moving images, 640x480, 30 a second, each with its length
bare      the same without lengths
short     the same with lengths that are two bytes less
thumbnail the same without lengths, and with a thumbnail in each image
same      the same bytes again and again
garbage   parts that are no JPEG
some      of three images one good, one garbage (or one too large), one half
half      parts that end half way, with the whole length said
large     parts that are a small JPEG and say that they have more pixels than a camera's frame may have
silent    a header, then nothing
html      a page
missing   404

GET /break/MODE: every stream that runs then goes on in that mode, for ever; new ones are in the first mode again. So
does a camera that hangs until somebody opens it anew.
"""

import subprocess
import sys
import time
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import cv2
import numpy as np

from tests import servers

BOUNDARY = b"frame"
RATE = 30.0


def image(number: int) -> bytes:
    """A bar that moves over a gray ramp, as JPEG."""
    drawn = np.repeat(np.linspace(60, 200, 640, dtype=np.uint8)[None], 480, axis=0)[..., None].repeat(3, axis=2)
    start = 8 * number % 600
    drawn[:, start : start + 40] = (20, 120, 220)
    return bytes(cv2.imencode(".jpg", drawn)[1])


def with_thumbnail(data: bytes) -> bytes:
    """With a whole JPEG in its metadata, as telephones write them."""
    small = bytes(cv2.imencode(".jpg", np.zeros((20, 30, 3), np.uint8))[1])
    exif = b"Exif\0\0II*\0\x08\0\0\0\0\0\0\0\0\0" + small
    return data[:2] + b"\xff\xe1" + (len(exif) + 2).to_bytes(2, "big") + exif + data[2:]


class Handler(BaseHTTPRequestHandler):
    mode = "good"
    broken = "good"
    broken_at = 0.0

    def log_message(self, format: str, *args: object) -> None:
        pass

    def do_GET(self) -> None:
        if self.path.startswith("/break/"):
            Handler.broken, Handler.broken_at = self.path.removeprefix("/break/"), time.monotonic()
            self.send_response(204)
            self.end_headers()
            return
        if self.mode == "missing":
            self.send_error(404)
            return
        self.send_response(200)
        kind = "text/html" if self.mode == "html" else "multipart/x-mixed-replace; boundary=frame"
        self.send_header("Content-Type", kind)
        self.end_headers()
        if self.mode == "html":
            self.wfile.write(b"<html>a page, not the stream</html>")
            return
        try:
            self._stream()
        except OSError:  # the reader has gone
            return

    def _stream(self) -> None:
        began = time.monotonic()
        for number in range(10**9):
            mode = self.broken if began < self.broken_at else self.mode
            data = image(0 if mode == "same" else number)
            length = b"Content-Length: %d\r\n" % len(data)
            if mode == "silent":
                time.sleep(60)
            is_garbage, is_half = mode == "garbage", mode == "half"
            if mode == "some":
                is_garbage, is_half = number % 6 == 4, number % 3 == 2
            if is_garbage:
                data = bytes(np.random.default_rng(number).integers(0, 255, len(data), np.uint8))
            if is_half:
                data = data[: len(data) // 2] + bytes(len(data) - len(data) // 2)
            if mode == "large" or (mode == "some" and number % 6 == 1):
                size = data.index(b"\xff\xc0") + 5
                data = data[:size] + b"\x2d\x41\x2d\x41" + data[size + 4 :]
            if mode == "short":
                length = b"Content-Length: %d\r\n" % (len(data) - 2)
            if mode == "thumbnail":
                data = with_thumbnail(data)
            head = (
                b"--"
                + BOUNDARY
                + b"\r\nContent-Type: image/jpeg\r\n"
                + (b"" if mode in ("bare", "thumbnail") else length)
            )
            self.wfile.write(head + b"\r\n" + data + b"\r\n")
            time.sleep(max(0.0, began + (number + 1) / RATE - time.monotonic()))


class Server:
    """Starts it; `kill` ends it at once, as when the power goes. The port stays the same."""

    def __init__(self, mode: str, port: int | None = None) -> None:
        self.port = port or servers.free_port()
        self.url = f"http://127.0.0.1:{self.port}/video"
        words = [sys.executable, "-m", "tests.device.mjpeg_server", str(self.port), mode]
        self.process = subprocess.Popen(words, cwd=Path(__file__).parents[2], stdout=subprocess.PIPE)
        assert self.process.stdout is not None
        assert self.process.stdout.readline() == b"ready\n"

    def break_streams(self, mode: str) -> None:
        """Those that run go on in that mode; who opens one anew gets a good one."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/break/{mode}", timeout=10):
            pass

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(10)
        assert self.process.stdout is not None
        self.process.stdout.close()


def main() -> None:
    Handler.mode = sys.argv[2]
    ThreadingHTTPServer.allow_reuse_address = True
    ThreadingHTTPServer.daemon_threads = True
    server = ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler)
    print("ready", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
