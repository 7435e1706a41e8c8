"""A Raspberry Pi's own camera, through picamera2 (https://github.com/raspberrypi/picamera2).

picamera2 comes from Raspberry Pi OS (`apt install python3-picamera2`), not from PyPI: the environment needs
`python3 -m venv --system-site-packages`. It is imported only when this source is asked for.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from device.errors import UserError
from device.live.interfaces.frames import STALL_S, Frame, Source, SourceLostError
from device.live.sources.options import CaptureOptions, CaptureSize

if TYPE_CHECKING:
    from device.images.images import Size

# picamera2's "RGB888" is blue, green, red in memory.
FORMAT = "RGB888"


@dataclass(frozen=True)
class PiCameraOptions(CaptureOptions):
    shown = "picamera2"

    @classmethod
    def matches(cls, text: str) -> bool:
        return text == "picamera2"

    def source(self, target: "Size") -> Source:
        return PiCamera(target, self.capture, self.stall_if_still)


class PiCamera(Source):
    """libcamera's first camera, at the smallest size from 640x480 on that covers the network's input."""

    name, is_live, newest_only = "picamera2", True, True

    def __init__(self, target: "Size", capture: CaptureSize | None = None, stall_if_still: float | None = None) -> None:
        self.target, self.capture, self.stall_if_still = target, capture, stall_if_still
        self._camera: Any = None

    def fit(self, target: "Size") -> None:
        self.target = target

    def open(self) -> None:
        library = _library()
        try:
            self._camera = library.Picamera2()
            shape = {"size": self.capture or _covering(max(self.target)), "format": FORMAT}
            self._camera.configure(self._camera.create_video_configuration(main=shape, buffer_count=3))
            self._camera.start()
        except (IndexError, RuntimeError) as error:
            self.close()
            raise SourceLostError(f"the Raspberry Pi's camera can't be started: {error}; check its cable") from None

    def close(self) -> None:
        if self._camera is not None:
            self._camera.close()
            self._camera = None

    def read(self) -> Frame:
        """The frame of a newly completed request of libcamera: never a repetition."""
        try:
            return Frame(self._camera.capture_array("main", wait=STALL_S))
        except TimeoutError:
            raise SourceLostError("the Raspberry Pi's camera gives no frames") from None


def _covering(side: int) -> CaptureSize:
    return next((size for size in ((640, 480), (1280, 720)) if min(size) >= side), (1920, 1080))


def _library() -> Any:
    try:
        import picamera2
    except ImportError as error:
        raise UserError(
            f"picamera2 can't be imported ({error}); install it with: sudo apt install python3-picamera2, and make the"
            " environment with: python3 -m venv --system-site-packages .venv"
        ) from None
    return picamera2
