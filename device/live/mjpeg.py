"""MJPEG over HTTP: what network cameras, phones and ffmpeg send (multipart/x-mixed-replace, a JPEG a part).

Read here and not by OpenCV, which can't be told to give up, hides what the server answered, and always decodes the
whole picture.
"""

import base64
import re
import socket
import urllib.error
import urllib.request
from http.client import HTTPException, HTTPResponse
from time import monotonic
from urllib.parse import unquote, urlsplit

from device import pictures
from device.errors import UserError
from device.live.cameras import without_password
from device.live.frames import STALL_S, Frame, Source, SourceLostError
from device.pictures import Size

MAX_FRAME_BYTES = 2**25
PIECE_BYTES = 2**16
# A part's header: lines up to an empty one. RFC 2046 has \r\n; some servers end lines with \n alone.
HEADER_END = re.compile(rb"\r?\n\r?\n")
LENGTH = re.compile(rb"content-length:\s*(\d+)", re.IGNORECASE)
JPEG_START, JPEG_END = b"\xff\xd8", b"\xff\xd9"


class Mjpeg(Source):
    """A stream by its http or https address; a name and a password may stand in it.

    target: its JPEGs are decoded at a part of their size, as long as twice the target is left of them.
    """

    is_live, newest_only = True, True

    def __init__(self, url: str, target: Size | None = None) -> None:
        self.url, self.name, self.target = url, without_password(url), target
        self._response: HTTPResponse | None = None
        self._bytes = bytearray()

    def fit(self, target: Size) -> None:
        if self.target is not None:
            self.target = target

    def open(self) -> None:
        self._bytes.clear()
        try:
            self._response = urllib.request.urlopen(_request(self.url), timeout=STALL_S)
        except urllib.error.HTTPError as error:
            error.close()
            raise SourceLostError(f"{self.name} answers {error.code} {error.reason}; check the address") from None
        except (OSError, HTTPException, ValueError) as error:
            raise SourceLostError(f"{self.name} can't be reached: {_reason(error)}") from None
        kind = self._response.headers.get_content_type()
        if not kind.startswith("multipart/"):
            self._response.close()
            raise SourceLostError(
                f"{self.name} answers {kind}, expected multipart/x-mixed-replace (MJPEG); give the address of the"
                " stream itself, not of a page that shows it"
            )

    def close(self) -> None:
        if self._response is not None:
            self._response.close()
            self._response = None

    def read(self) -> Frame:
        """The next frame that can be decoded; broken ones are passed over, for STALL_S at most."""
        deadline = monotonic() + STALL_S
        reason = "it sends nothing"
        while monotonic() < deadline:
            data = self._part(deadline)
            captured = monotonic()
            try:
                picture, decoded = pictures.decode_frame(data, self.target)
            except ValueError as error:
                reason = str(error)
                continue
            return Frame(picture, captured=captured, decoded=decoded)
        raise SourceLostError(f"{self.name} gives no frames: {reason}")

    def cancel(self) -> None:
        """A `recv` that waits in the other thread returns: there is no more to be received."""
        response = self._response
        connection = getattr(getattr(response, "fp", None), "raw", None)
        connection = getattr(connection, "_sock", None)
        if connection is not None:
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:  # it is closed already
                return

    def _part(self, deadline: float) -> bytes:
        """The bytes of the next JPEG: as many as the part's header says, else up to the JPEG's end."""
        self._fill_up_to(JPEG_START, deadline)
        start = self._bytes.index(JPEG_START)
        header = bytes(self._bytes[max(0, start - 1000) : start])
        del self._bytes[:start]
        said = LENGTH.findall(header) if HEADER_END.search(header) else []
        if said and 0 < int(said[-1]) <= MAX_FRAME_BYTES:
            while len(self._bytes) < int(said[-1]):
                self._more(deadline)
            end = int(said[-1])
        else:
            end = self._fill_up_to(JPEG_END, deadline) + len(JPEG_END)
        part = bytes(self._bytes[:end])
        del self._bytes[:end]
        return part

    def _fill_up_to(self, mark: bytes, deadline: float) -> int:
        """Receives until the mark is there; where it is."""
        searched = 0
        while (place := self._bytes.find(mark, searched)) < 0:
            searched = max(0, len(self._bytes) - len(mark))
            if len(self._bytes) > MAX_FRAME_BYTES:
                raise SourceLostError(f"{self.name} sends no JPEG in {MAX_FRAME_BYTES} bytes")
            self._more(deadline)
        return place

    def _more(self, deadline: float) -> None:
        if monotonic() > deadline:
            raise SourceLostError(f"{self.name} gave no whole frame for {STALL_S:g} s")
        assert self._response is not None
        try:
            piece = self._response.read1(PIECE_BYTES)
        except (OSError, HTTPException, ValueError) as error:  # ValueError: closed under the read
            raise SourceLostError(f"{self.name} broke off: {error or type(error).__name__}") from None
        if not piece:
            raise SourceLostError(f"{self.name} has ended")
        self._bytes += piece


def _reason(error: Exception) -> str:
    """In words, without the number that Python puts before them."""
    inner = getattr(error, "reason", error)
    return str(getattr(inner, "strerror", None) or inner or type(inner).__name__).lower()


def _request(url: str) -> urllib.request.Request:
    """With the name and password of the address as basic authentication (RFC 7617)."""
    parts = urlsplit(url)
    if not parts.hostname:
        raise UserError(f"{url}: no host in it; expected such as http://192.168.1.20:8080/video")
    request = urllib.request.Request(without_password(url), headers={"User-Agent": "framelite"})
    if parts.username is not None:
        secret = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        request.add_header("Authorization", "Basic " + base64.b64encode(secret.encode()).decode())
    return request
