"""Video files, through OpenCV and FFmpeg."""

from dataclasses import dataclass
from pathlib import Path
from time import monotonic, sleep
from typing import TYPE_CHECKING, Any

from device import addresses, text
from device.data import walk
from device.declared import option
from device.live.interfaces.frames import Frame, Source, SourceLostError
from device.live.sources import driver
from device.live.sources.options import FileOptions

if TYPE_CHECKING:
    from device.images.images import Pixels, Size

# So many failed reads in a row mean the end of a video; fewer mean broken frames.
READS_AT_THE_END = 25
# A file's stated length is rough: it may be that of its sound, or an estimate from its first frames.
SHORTEST_SHARE = 0.9


@dataclass(frozen=True)
class VideoFileOptions(FileOptions):
    realtime: bool = option(False, "play a video at its own speed, not faster")

    shown = "a video"

    @classmethod
    def matches(cls, text: str) -> bool:
        path = Path(text)
        return not addresses.is_address(text) and path.is_file() and not walk.is_image(path)

    def source(self, target: "Size") -> Source:
        return VideoFile(Path(self.where), self.loop, self.realtime)


class VideoFile(Source):
    """A video file: every frame, as fast as possible; with `realtime` at its own speed, dropping frames if needed.

    Skips broken frames, and reports an error at the end if there were any, or if the file ends before its stated
    length.
    """

    is_live = False

    def __init__(self, path: Path, loop: bool = False, realtime: bool = False) -> None:
        self.name, self.path, self.loop = str(path), path, loop
        self.realtime = self.newest_only = realtime
        self._capture: Any = None
        self._began = self._position = self._before = 0.0
        self._read = self._broken = 0

    def open(self) -> None:
        import cv2

        from device.images import images

        self._capture = _capture(self.path)
        if not self._capture.isOpened():
            raise SourceLostError(f"{self.path}: this OpenCV can't read it as a video; expected MP4, AVI, MKV …")
        width, height = driver.size(self._capture)
        if width * height > images.MAX_PIXELS:
            most = f"expected at most {images.MAX_PIXELS}; make it smaller"
            raise SourceLostError(f"{self.path}: its frames have {width}x{height} pixels, {most}")
        self._rate = self._capture.get(cv2.CAP_PROP_FPS) or 25.0
        self._broken, self._before = 0, 0.0
        # Of the whole file, in seconds; 0 if unknown.
        self._length = max(0.0, self._capture.get(cv2.CAP_PROP_FRAME_COUNT) / self._rate)
        self._rewind()

    def close(self) -> None:
        if self._capture is not None:
            self._capture.release()

    def read(self) -> Frame | None:
        import cv2

        image = self._image()
        if image is None and self._read and self.loop:
            self._capture.set(cv2.CAP_PROP_POS_FRAMES, 0)
            self._before += self._position + 1 / self._rate
            self._rewind()
            image = self._image()
        if image is None:
            if not self._read:
                raise SourceLostError(f"{self.path}: no readable frame, expected some; copy it again")
            if self._broken:
                count = text.count(self._broken, "frame")
                raise SourceLostError(f"{self.path}: {count} could not be decoded; the others were classified")
            if self._position + 2 / self._rate < SHORTEST_SHARE * self._length:
                raise SourceLostError(
                    f"{self.path}: it ends after {self._position:.1f} s of {self._length:.1f} s; all frames up to there"
                    " were classified; copy it again"
                )
            return None
        at = self._capture.get(cv2.CAP_PROP_POS_MSEC) / 1e3
        self._position = at if at > 0 else self._read / self._rate
        self._read += 1
        return Frame(image, position=self._before + self._position)

    def _rewind(self) -> None:
        self._began, self._read = monotonic(), 0

    def _image(self) -> "Pixels | None":
        import numpy as np

        if self.realtime:
            sleep(max(0.0, self._began + self._read / self._rate - monotonic()))
        for failed in range(READS_AT_THE_END):
            found, image = self._capture.read()
            if found:
                self._broken += failed
                self.unusable += failed
                return np.asarray(image, np.uint8)
        return None


def _capture(path: Path) -> Any:
    """The open file. A name that is not UTF-8 would end the process in OpenCV, so it gets a path below /proc."""
    import cv2

    try:
        str(path).encode()
    except UnicodeEncodeError:
        with path.open("rb") as file:
            return cv2.VideoCapture(f"/proc/self/fd/{file.fileno()}", cv2.CAP_FFMPEG)
    return cv2.VideoCapture(str(path), cv2.CAP_FFMPEG)
