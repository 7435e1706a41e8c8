"""Cameras and network streams that OpenCV opens: USB cameras (V4L2) and RTSP."""

import errno
import os
import re
import ssl
import sys
from ipaddress import ip_address
from math import isfinite
from pathlib import Path
from time import monotonic
from typing import Any

# Read by OpenCV when a camera is opened: how long it waits for a frame, in seconds.
os.environ.setdefault("OPENCV_VIDEOIO_V4L_SELECT_TIMEOUT", "4")

import cv2

from device import addresses, command, pictures
from device.addresses import Address
from device.live.frames import STALL_S, Frame, Source, SourceLostError
from device.pictures import Size

# Read by OpenCV when a stream is opened: what it tells FFmpeg, as NAME;VALUE|NAME;VALUE.
FFMPEG_OPTIONS = "OPENCV_FFMPEG_CAPTURE_OPTIONS"
# (width, height), small to large. Below these, cameras leave out pixels instead of averaging them.
CAPTURE_SIZES = ((320, 240), (640, 480), (800, 600), (1280, 720), (1920, 1080), (3840, 2160))
CaptureSize = tuple[int, int]


class Camera(Source):
    """A V4L2 camera by its number or path. Asks for MJPG, and for the smallest size that covers the network's input.

    capture: (width, height) to ask for instead. reduced: its JPEGs are decoded at a part of their size.
    """

    is_live, newest_only = True, True

    def __init__(self, where: str, target: Size, capture: CaptureSize | None = None, reduced: bool = False) -> None:
        self.name = f"/dev/video{where}" if where.isdigit() else where
        self.target, self.capture, self.reduced = target, capture, reduced
        self._device: Any = None

    def fit(self, target: Size) -> None:
        self.target = target

    def open(self) -> None:
        # By number where it has one: not every OpenCV takes a path.
        number = re.fullmatch(r"/dev/video(\d+)", self.name)
        backend = cv2.CAP_V4L2 if sys.platform == "linux" else cv2.CAP_ANY
        self._device = cv2.VideoCapture(int(number[1]) if number else self.name, backend)
        if not self._device.isOpened():
            raise SourceLostError(_why_closed(self.name))
        self._device.set(cv2.CAP_PROP_FOURCC, cv2.VideoWriter.fourcc(*"MJPG"))
        for size in (self.capture,) if self.capture else CAPTURE_SIZES:
            if self._covers(size):
                break
        self._device.set(cv2.CAP_PROP_BUFFERSIZE, 1)
        if self.reduced:
            self._device.set(cv2.CAP_PROP_CONVERT_RGB, 0)  # the JPEG as it came

    def close(self) -> None:
        if self._device is not None:
            self._device.release()
            self._device = None

    def read(self) -> Frame:
        """The next frame that can be decoded; broken ones are passed over, for STALL_S at most."""
        deadline = monotonic() + STALL_S
        while True:
            found, picture = self._device.read()
            captured = monotonic()
            if not found or picture is None:
                raise SourceLostError(
                    f"{self.name} gives no frames: it was unplugged, or another program uses it (a Raspberry Pi's own"
                    " camera: --source picamera2)"
                )
            stamp = _driver_ms(self._device)
            if picture.ndim == 3 and picture.shape[2] == 3:
                return Frame(picture, captured=captured, driver_ms=stamp)
            try:
                smaller, decoded = pictures.decode_frame(picture.tobytes(), self.target)
            except ValueError as error:
                self.unusable += 1
                if captured > deadline:
                    reason = f"its frames can't be decoded: {error}; try --decode full"
                    raise SourceLostError(f"{self.name}: {reason}") from None
                continue
            return Frame(smaller, captured=captured, decoded=decoded, driver_ms=stamp)

    def _covers(self, size: CaptureSize) -> bool:
        """Asks for the size; whether what the camera makes of it holds the network's input."""
        for side, pixels in zip((cv2.CAP_PROP_FRAME_WIDTH, cv2.CAP_PROP_FRAME_HEIGHT), size, strict=True):
            self._device.set(side, pixels)
        width, height = (self._device.get(side) for side in (cv2.CAP_PROP_FRAME_WIDTH, cv2.CAP_PROP_FRAME_HEIGHT))
        return bool(height >= self.target[0] and width >= self.target[1])


class Rtsp(Source):
    """A stream over RTSP, opened and read within STALL_S or not at all. UserError for a malformed address.

    Over rtsps the camera's certificate is verified, which FFmpeg doesn't unless it is told. It may be told otherwise:
    OPENCV_FFMPEG_CAPTURE_OPTIONS, where it is set, stays as it is.
    """

    is_live, newest_only = True, True

    def __init__(self, url: str) -> None:
        self.address = addresses.parse(url, "--source ")
        self.name = self.address.shown
        self._capture: Any = None
        if self.address.scheme == "rtsps":
            _verify(self.address)

    def open(self) -> None:
        limit_ms = int(1e3 * STALL_S)
        limits = [cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, limit_ms, cv2.CAP_PROP_READ_TIMEOUT_MSEC, limit_ms]
        self._capture = cv2.VideoCapture(self.address.text, cv2.CAP_FFMPEG, limits)
        if not self._capture.isOpened():
            more = f"; its certificate has to be of {_authorities()}" if self.address.scheme == "rtsps" else ""
            raise SourceLostError(
                f"{self.name} can't be opened; check the address, the password and that it is on{more}"
            )
        width, height = (int(self._capture.get(side)) for side in (cv2.CAP_PROP_FRAME_WIDTH, cv2.CAP_PROP_FRAME_HEIGHT))
        if width * height > pictures.MAX_FRAME_PIXELS:
            most = f"expected at most {pictures.MAX_FRAME_PIXELS} (such as 4096x4096)"
            todo = "set a smaller picture in the camera's settings"
            raise SourceLostError(f"{self.name} sends frames of {width}x{height} pixels, {most}; {todo}")

    def close(self) -> None:
        if self._capture is not None:
            self._capture.release()
            self._capture = None

    def read(self) -> Frame:
        found, picture = self._capture.read()
        if not found or picture is None:
            raise SourceLostError(f"{self.name} gives no more frames")
        return Frame(picture, driver_ms=_driver_ms(self._capture))


def _verify(address: Address) -> None:
    """Has FFmpeg verify a camera's certificate; a note where something of it is left open."""
    if FFMPEG_OPTIONS in os.environ:
        if "tls_verify;1" not in os.environ[FFMPEG_OPTIONS].split("|"):
            expected = "expected tls_verify;1 and ca_file;FILE in it"
            command.say(f"note: {address.shown}: its certificate isn't verified, as {FFMPEG_OPTIONS} says; {expected}")
        return
    # What OpenCV tells FFmpeg by itself is no longer told where the variable is set.
    os.environ[FFMPEG_OPTIONS] = f"rtsp_flags;prefer_tcp|tls_verify;1|ca_file;{_authorities()}"
    try:
        ip_address(address.host.strip("[]"))
    except ValueError:
        return
    said = "FFmpeg holds a certificate against names, not numbers: any that a trusted authority signed will do"
    command.say(f"note: {address.shown}: {said}; give the camera's name, or its own certificate in SSL_CERT_FILE")


def _authorities() -> str:
    """The file with the certificates that this system trusts, or that SSL_CERT_FILE names."""
    return ssl.get_default_verify_paths().cafile or "/etc/ssl/certs/ca-certificates.crt"


def _driver_ms(capture: Any) -> float | None:
    """V4L2's time of the buffer, or the stream's presentation time; OpenCV says 0 where there is none."""
    stamp = float(capture.get(cv2.CAP_PROP_POS_MSEC))
    return stamp if isfinite(stamp) and stamp > 0 else None


def _why_closed(name: str) -> str:
    """Why a camera can't be opened, and what to do."""
    path = Path(name)
    if not path.exists():
        found = sorted(str(other) for other in Path("/dev").glob("video*"))
        there = f"found: {', '.join(found)}" if found else "no camera was found (/dev/video*)"
        return f"there is no camera {name}; {there}. --source test needs none"
    try:
        os.close(os.open(path, os.O_RDWR | os.O_NONBLOCK))
    except PermissionError:
        return f"no permission to use {name}; add yourself to the group: sudo usermod -aG video $USER, and log in again"
    except OSError as error:
        if error.errno == errno.EBUSY:
            return f"{name} is in use by another program; close that first"
        return f"{name} can't be opened: {os.strerror(error.errno or 0)}"
    return (
        f"{name} is no camera that OpenCV can open, or another program uses it; a Raspberry Pi's own camera is"
        " --source picamera2"
    )
