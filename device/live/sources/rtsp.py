"""Network cameras over RTSP, through OpenCV and FFmpeg."""

import os
from dataclasses import dataclass
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any

from device import addresses, command
from device.addresses import CameraAddress
from device.live.interfaces.frames import STALL_S, Frame, Source, SourceLostError
from device.live.sources import driver
from device.live.sources.options import LiveOptions

if TYPE_CHECKING:
    from device.images.images import Size

# OpenCV reads this when it opens a stream: options for FFmpeg, as NAME;VALUE|NAME;VALUE.
FFMPEG_OPTIONS = "OPENCV_FFMPEG_CAPTURE_OPTIONS"


@dataclass(frozen=True)
class RtspOptions(LiveOptions):
    shown = "rtsp://…"

    @classmethod
    def matches(cls, text: str) -> bool:
        return addresses.has_scheme(text, "rtsp", "rtsps")

    def source(self, target: "Size") -> Source:
        return Rtsp(self.where, self.stall_if_still)


class Rtsp(Source):
    """A stream over RTSP, opened and read with a timeout of STALL_S. UserError for a malformed address.

    Verifies the camera's certificate for rtsps, which FFmpeg doesn't by default. If OPENCV_FFMPEG_CAPTURE_OPTIONS is
    set, it stays unchanged.
    """

    is_live, newest_only = True, True

    def __init__(self, url: str, stall_if_still: float | None = None) -> None:
        self.address = addresses.parse(url, "--source ")
        self.name = self.address.shown
        self.stall_if_still = stall_if_still
        self._capture: Any = None
        if self.address.scheme == "rtsps":
            _verify(self.address)

    def open(self) -> None:
        import cv2

        from device.images import images

        limit_ms = int(1e3 * STALL_S)
        limits = [cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, limit_ms, cv2.CAP_PROP_READ_TIMEOUT_MSEC, limit_ms]
        self._capture = cv2.VideoCapture(self.address.text, cv2.CAP_FFMPEG, limits)
        if not self._capture.isOpened():
            more = (
                f"; its certificate must be signed by an authority in {_authorities()}"
                if self.address.scheme == "rtsps"
                else ""
            )
            raise SourceLostError(
                f"{self.name} can't be opened; check the address, the password and that it is on{more}"
            )
        width, height = driver.size(self._capture)
        if width * height > images.MAX_FRAME_PIXELS:
            most = f"expected at most {images.MAX_FRAME_PIXELS} (such as 4096x4096)"
            todo = "set a smaller image in the camera's settings"
            raise SourceLostError(f"{self.name} sends frames of {width}x{height} pixels, {most}; {todo}")

    def close(self) -> None:
        if self._capture is not None:
            self._capture.release()
            self._capture = None

    def read(self) -> Frame:
        found, image = self._capture.read()
        if not found or image is None:
            raise SourceLostError(f"{self.name} gives no more frames")
        return Frame(image, driver_ms=driver.milliseconds(self._capture))


def _verify(address: CameraAddress) -> None:
    """Makes FFmpeg verify a camera's certificate; prints a note if the verification is incomplete."""
    if FFMPEG_OPTIONS in os.environ:
        if "tls_verify;1" not in os.environ[FFMPEG_OPTIONS].split("|"):
            expected = f"expected tls_verify;1 and ca_file;FILE in {FFMPEG_OPTIONS}"
            command.say(f"note: {address.shown}: its certificate isn't verified; {expected}")
        return
    # The variable replaces OpenCV's own options for FFmpeg, so they are repeated here.
    os.environ[FFMPEG_OPTIONS] = f"rtsp_flags;prefer_tcp|tls_verify;1|ca_file;{_authorities()}"
    try:
        ip_address(address.host.strip("[]"))
    except ValueError:
        return
    limit = "FFmpeg can't check the certificate against an IP address, so it accepts any from a trusted authority"
    command.say(f"note: {address.shown}: {limit}; give the camera's name, or its own certificate in SSL_CERT_FILE")


def _authorities() -> str:
    """The file of trusted certificates: the system's, or SSL_CERT_FILE."""
    import ssl

    return ssl.get_default_verify_paths().cafile or "/etc/ssl/certs/ca-certificates.crt"
