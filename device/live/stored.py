"""Sources that end: video files and picture files."""

from collections.abc import Iterator
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import cv2
import numpy as np

from device import command, pictures
from device.data import walk
from device.data.walk import Walk
from device.errors import UserError
from device.live.frames import Frame, Source, SourceLostError
from device.pictures import Picture

# A film has ended when so many reads in a row gave nothing: where less did, its frames there are broken.
READS_AT_THE_END = 25
# What a file says of its length is rough: it may be that of its sound, or reckoned from its first frames.
SHORTEST_SHARE = 0.9


class Film(Source):
    """A video file, as fast as it can be answered, every frame; in real time with `realtime`, then some are dropped.

    Frames that are broken are passed over; at the end it is an error that there were some, or that the file breaks off
    before the end that it speaks of.
    """

    is_live = False

    def __init__(self, path: Path, loop: bool = False, realtime: bool = False) -> None:
        self.name, self.path, self.loop = str(path), path, loop
        self.realtime = self.newest_only = realtime
        self._capture: Any = None
        self._began = self._position = self._before = 0.0
        self._read = self._broken = 0

    def open(self) -> None:
        self._capture = _capture(self.path)
        if not self._capture.isOpened():
            raise SourceLostError(f"{self.path}: not a video that this OpenCV can read; expected MP4, AVI, MKV …")
        width, height = (int(self._capture.get(side)) for side in (cv2.CAP_PROP_FRAME_WIDTH, cv2.CAP_PROP_FRAME_HEIGHT))
        if width * height > pictures.MAX_PIXELS:
            most = f"expected at most {pictures.MAX_PIXELS}; make it smaller"
            raise SourceLostError(f"{self.path}: its frames have {width}x{height} pixels, {most}")
        self._rate = self._capture.get(cv2.CAP_PROP_FPS) or 25.0
        self._broken, self._before = 0, 0.0
        # Of the whole file, in seconds; 0 where it doesn't say.
        self._length = max(0.0, self._capture.get(cv2.CAP_PROP_FRAME_COUNT) / self._rate)
        self._rewind()

    def close(self) -> None:
        if self._capture is not None:
            self._capture.release()

    def read(self) -> Frame | None:
        picture = self._picture()
        if picture is None and self._read and self.loop:
            self._capture.set(cv2.CAP_PROP_POS_FRAMES, 0)
            self._before += self._position + 1 / self._rate
            self._rewind()
            picture = self._picture()
        if picture is None:
            if not self._read:
                raise SourceLostError(f"{self.path}: no frame in it can be read")
            if self._broken:
                count = f"{self._broken} frame{'' if self._broken == 1 else 's'}"
                raise SourceLostError(f"{self.path}: {count} could not be decoded; the others were answered")
            if self._position + 2 / self._rate < SHORTEST_SHARE * self._length:
                raise SourceLostError(
                    f"{self.path}: it breaks off after {self._position:.1f} s of {self._length:.1f} s; what there is"
                    " was answered; copy it again"
                )
            return None
        at = self._capture.get(cv2.CAP_PROP_POS_MSEC) / 1e3
        self._position = at if at > 0 else self._read / self._rate
        self._read += 1
        return Frame(picture, position=self._before + self._position)

    def _rewind(self) -> None:
        self._began, self._read = monotonic(), 0

    def _picture(self) -> Picture | None:
        if self.realtime:
            sleep(max(0.0, self._began + self._read / self._rate - monotonic()))
        for failed in range(READS_AT_THE_END):
            found, picture = self._capture.read()
            if found:
                self._broken += failed
                self.unusable += failed
                return np.asarray(picture, np.uint8)
        return None


def _capture(path: Path) -> Any:
    """Opened. A name that is no UTF-8 ends the process in OpenCV: such a file is opened here, and named by Linux."""
    try:
        str(path).encode()
    except UnicodeEncodeError:
        with path.open("rb") as file:
            return cv2.VideoCapture(f"/proc/self/fd/{file.fileno()}", cv2.CAP_FFMPEG)
    return cv2.VideoCapture(str(path), cv2.CAP_FFMPEG)


class Pictures(Source):
    """Picture files, one after the other: of a folder (not those below it), or by a pattern such as 'shots/*.jpg'.

    One that is broken is named and passed over; at the end it is an error that there was one.
    """

    is_live, newest_only = False, False

    def __init__(self, where: str, loop: bool = False) -> None:
        self.name, self.loop = where, loop
        self._paths = _matching(where)
        self._broken: list[Path] = []
        self._rest: Iterator[Path] = iter(())

    def open(self) -> None:
        self._rest = iter(self._paths)

    def read(self) -> Frame | None:
        while True:
            for path in self._rest:
                if path in self._broken:
                    continue
                try:
                    return Frame(pictures.read(path), "RGB", name=str(path))
                except UserError as error:
                    self._broken.append(path)
                    self.unusable += 1
                    command.say(f"error: {error}")
            if self.loop and len(self._broken) < len(self._paths):
                self._rest = iter(self._paths)
                continue
            if self._broken:
                counts = f"{len(self._broken)} of {len(self._paths)}"
                raise SourceLostError(f"{counts} pictures could not be read; the others were answered")
            return None


def _matching(where: str) -> list[Path]:
    path = Path(where)
    if path.is_dir():
        files = Walk(path, deep=False)
        paths, passed_over = list(files), files.passed_over
    else:
        paths, passed_over = walk.matching(where)
    seen = f"passed over: {passed_over.describe()}" if passed_over else ""
    if not paths:
        raise UserError(f"{where}: no pictures there; {walk.EXPECTED}{'; ' * bool(seen)}{seen}")
    if seen:
        command.say(f"note: {where}: {seen}")
    return paths
