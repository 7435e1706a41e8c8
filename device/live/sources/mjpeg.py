"""MJPEG over HTTP, from network cameras, phones and ffmpeg (multipart/x-mixed-replace, one JPEG per part).

Not read by OpenCV, which has no timeout, hides the server's response, and always decodes the whole image.
"""

import re
from contextlib import suppress
from dataclasses import dataclass
from time import monotonic
from typing import TYPE_CHECKING

from device import addresses
from device.images import jpeg
from device.live.interfaces.frames import STALL_S, Frame, Source, SourceLostError
from device.live.sources.options import DecodeOptions

if TYPE_CHECKING:
    from device.images.images import Size
    from device.live.sources.connection import HttpStream

MAX_FRAME_BYTES = 2**25
PIECE_BYTES = 2**16
PADDING = 256  # search so far from the announced length for a JPEG's end
# A part's header ends with an empty line. RFC 2046 has \r\n; some servers end lines with only \n.
HEADER_END = re.compile(rb"\r?\n\r?\n")
LENGTH = re.compile(rb"content-length:\s*(\d+)", re.IGNORECASE)
JPEG_END = b"\xff\xd9"


@dataclass(frozen=True)
class MjpegOptions(DecodeOptions):
    shown = "http://…"

    @classmethod
    def matches(cls, text: str) -> bool:
        return addresses.has_scheme(text, "http", "https")

    def source(self, target: "Size") -> Source:
        return Mjpeg(self.where, target if self.decode == "auto" else None, self.stall_if_still)


class Mjpeg(Source):
    """A stream by its http or https address, which may contain user and password. UserError for a malformed one.

    target: decode JPEGs at a reduced size that is still twice the target; None: at full size.
    """

    is_live, newest_only = True, True

    def __init__(self, url: str, target: "Size | None" = None, stall_if_still: float | None = None) -> None:
        self.address, self.target = addresses.parse(url, "--source "), target
        self.name = self.address.shown
        self.stall_if_still = stall_if_still
        self._response: HttpStream | None = None
        self._bytes = bytearray()

    def fit(self, target: "Size") -> None:
        if self.target is not None:
            self.target = target

    def open(self) -> None:
        from device.live.sources import connection

        self._bytes.clear()
        self._response = connection.connect(self.address)
        kind = self._response.headers.get_content_type()
        if not kind.startswith("multipart/"):
            self._response.close()
            raise SourceLostError(
                f"{self.name} responds with {kind}, expected multipart/x-mixed-replace (MJPEG); give the address of the"
                " stream itself, not of a page that shows it"
            )

    def close(self) -> None:
        if self._response is not None:
            self._response.close()
            self._response = None

    def read(self) -> Frame:
        """The next frame that can be decoded; skips broken ones for at most STALL_S."""
        from device.images import images

        deadline = monotonic() + STALL_S
        reason = None
        while monotonic() < deadline:
            try:
                data = self._part(deadline)
            except TimeoutError:
                break
            captured = monotonic()
            try:
                image, decoded = images.decode_frame(data, self.target)
            except ValueError as error:
                reason = str(error)
                self.unusable += 1
                continue
            return Frame(image, captured=captured, decoded=decoded)
        raise SourceLostError(
            f"{self.name} gives no frames: {reason}" if reason else f"{self.name} gave no whole frame for {STALL_S:g} s"
        )

    def cancel(self) -> None:
        """Makes a `recv` that waits in the other thread return."""
        response = self._response
        if response is not None:
            with suppress(OSError):  # already closed
                response.cancel()

    def _part(self, deadline: float) -> bytes:
        """The bytes of the next JPEG: by the part's header, else up to the JPEG's end."""
        self._fill_up_to(jpeg.START, deadline)
        start = self._bytes.index(jpeg.START)
        header = bytes(self._bytes[max(0, start - 1000) : start])
        del self._bytes[:start]
        lengths = LENGTH.findall(header) if HEADER_END.search(header) else []
        if lengths and 0 < int(lengths[-1]) <= MAX_FRAME_BYTES:
            end = int(lengths[-1])
            while len(self._bytes) < end:
                self._more(deadline)
            if JPEG_END not in self._bytes[max(0, end - PADDING) : end]:
                end = self._end_after(end, deadline)
        else:
            end = self._fill_up_to_end(deadline)
        part = bytes(self._bytes[:end])
        del self._bytes[:end]
        return part

    def _end_after(self, length: int, deadline: float) -> int:
        """The end of a JPEG that is slightly longer than announced, as from some cameras; `length` if it is cut off."""
        while len(self._bytes) < length + PADDING:
            self._more(deadline)
        end, another = (self._bytes.find(mark, length - 1, length + PADDING) for mark in (JPEG_END, jpeg.START))
        return end + len(JPEG_END) if end >= 0 and not 0 <= another < end else length

    def _fill_up_to_end(self, deadline: float) -> int:
        """Receives up to the JPEG's own end, not that of a thumbnail in it; returns its position."""
        while (end := jpeg.end(bytes(self._bytes))) is None:
            if len(self._bytes) > MAX_FRAME_BYTES:
                raise SourceLostError(f"{self.name} sent no end of a JPEG in {MAX_FRAME_BYTES} bytes")
            self._more(deadline)
        return end

    def _fill_up_to(self, mark: bytes, deadline: float) -> int:
        """Receives up to the mark; returns its position."""
        searched = 0
        while (place := self._bytes.find(mark, searched)) < 0:
            searched = max(0, len(self._bytes) - len(mark))
            if len(self._bytes) > MAX_FRAME_BYTES:
                raise SourceLostError(f"{self.name} sent no JPEG in {MAX_FRAME_BYTES} bytes")
            self._more(deadline)
        return place

    def _more(self, deadline: float) -> None:
        assert self._response is not None
        try:
            piece = self._response.read_until(deadline, PIECE_BYTES)
        except ConnectionError as error:
            raise SourceLostError(f"{self.name} broke off: {error}") from None
        if not piece:
            raise SourceLostError(f"{self.name} has ended")
        self._bytes += piece
