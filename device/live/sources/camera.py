"""USB cameras (V4L2), through OpenCV."""

import errno
import os
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any

from device.live.interfaces.frames import STALL_S, Frame, Source, SourceLostError
from device.live.sources import driver
from device.live.sources.options import CaptureOptions, CaptureSize, DecodeOptions

if TYPE_CHECKING:
    from device.images.images import Size

# (width, height), in ascending order. Below these, cameras skip pixels instead of averaging them.
CAPTURE_SIZES = ((320, 240), (640, 480), (800, 600), (1280, 720), (1920, 1080), (3840, 2160))


@dataclass(frozen=True)
class CameraOptions(DecodeOptions, CaptureOptions):
    shown = "a camera (0, /dev/video0)"

    @classmethod
    def matches(cls, text: str) -> bool:
        return text.isdigit() or text.startswith("/dev/")

    def source(self, target: "Size") -> Source:
        return Camera(self.where, target, self.capture, self.decode == "auto", self.stall_if_still)


class Camera(Source):
    """A V4L2 camera by its number or path. Requests MJPG, and the smallest size that covers the network's input.

    capture: (width, height) to request instead. reduced: decode JPEGs at a reduced size.
    """

    is_live, newest_only = True, True

    def __init__(
        self,
        where: str,
        target: "Size",
        capture: CaptureSize | None = None,
        reduced: bool = False,
        stall_if_still: float | None = None,
    ) -> None:
        self.name = f"/dev/video{where}" if where.isdigit() else where
        self.target, self.capture, self.reduced = target, capture, reduced
        self.stall_if_still = stall_if_still
        self._device: Any = None

    def fit(self, target: "Size") -> None:
        self.target = target

    def open(self) -> None:
        # OpenCV reads this when it opens a camera: the timeout for a frame, in seconds.
        os.environ.setdefault("OPENCV_VIDEOIO_V4L_SELECT_TIMEOUT", "4")
        import cv2

        # By number if it has one: not every OpenCV takes a path.
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
            self._device.set(cv2.CAP_PROP_CONVERT_RGB, 0)  # the undecoded JPEG

    def close(self) -> None:
        if self._device is not None:
            self._device.release()
            self._device = None

    def read(self) -> Frame:
        """The next frame that can be decoded; skips broken ones for at most STALL_S."""
        from device.images import images

        deadline = monotonic() + STALL_S
        while True:
            found, image = self._device.read()
            captured = monotonic()
            if not found or image is None:
                raise SourceLostError(
                    f"{self.name} gives no frames: it was unplugged, or another program uses it (for a Raspberry"
                    " Pi's own camera use --source picamera2)"
                )
            stamp = driver.milliseconds(self._device)
            if image.ndim == 3 and image.shape[2] == 3:
                return Frame(image, captured=captured, driver_ms=stamp)
            try:
                smaller, decoded = images.decode_frame(image.tobytes(), self.target)
            except ValueError as error:
                self.unusable += 1
                if captured > deadline:
                    reason = f"its frames can't be decoded: {error}; try --decode full"
                    raise SourceLostError(f"{self.name}: {reason}") from None
                continue
            return Frame(smaller, captured=captured, decoded=decoded, driver_ms=stamp)

    def _covers(self, size: CaptureSize) -> bool:
        """Requests the size; whether the camera's actual size covers the network's input."""
        import cv2

        for side, pixels in zip((cv2.CAP_PROP_FRAME_WIDTH, cv2.CAP_PROP_FRAME_HEIGHT), size, strict=True):
            self._device.set(side, pixels)
        width, height = driver.size(self._device)
        return height >= self.target[0] and width >= self.target[1]


def _why_closed(name: str) -> str:
    """Why a camera can't be opened, and what to do."""
    path = Path(name)
    if not path.exists():
        found = sorted(str(other) for other in Path("/dev").glob("video*"))
        there = f"found: {', '.join(found)}" if found else "no camera was found (/dev/video*)"
        return f"there is no camera {name}; {there}; --source test needs none"
    try:
        os.close(os.open(path, os.O_RDWR | os.O_NONBLOCK))
    except PermissionError:
        return f"no permission to use {name}; add yourself to the group: sudo usermod -aG video $USER, and log in again"
    except OSError as error:
        if error.errno == errno.EBUSY:
            return f"another program uses {name}; close it first"
        return f"{name} can't be opened: {os.strerror(error.errno or 0)}"
    return (
        f"OpenCV can't open {name} as a camera, or another program uses it; for a Raspberry Pi's own camera use"
        " --source picamera2"
    )
