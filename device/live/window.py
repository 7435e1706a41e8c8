"""A window with the picture, the best labels as bars, and what it takes. q quits, s saves the frame, space pauses.

Needs an OpenCV with windows (the extra `window`) and a display.
"""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from time import monotonic

import cv2
import numpy as np

from device import command, files, pictures, text
from device.live.readings import Reading, Status
from device.pictures import Picture

TITLE = "framelite"
EVERY_S = 1 / 30
# How long it goes without a look at its keys when no frame comes.
IDLE_S = 0.1
SIDE = 480  # the picture's smaller side on the screen, at least
WHITE, GREEN, DARK = (255, 255, 255), (120, 220, 120), (30, 30, 30)
TRIAL = f"import cv2; cv2.namedWindow('{TITLE}'); cv2.destroyAllWindows()"


def why_not() -> str | None:
    """Why no window can be shown here; None where one can.

    Tried in a process of its own: with a display that doesn't answer, Qt ends the process.
    """
    if sys.platform == "linux" and not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        return "there is no display"
    if "headless" in _gui():
        return "this OpenCV has no windows (pip install '.[window]' in another environment brings one that has)"
    tried = subprocess.run([sys.executable, "-c", TRIAL], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return None if tried.returncode == 0 else "the display can't be used"


def _gui() -> str:
    lines = cv2.getBuildInformation().splitlines()
    found = next((line for line in lines if line.strip().startswith("GUI:")), "")
    return "headless" if "NONE" in found else found


class Window:
    """stop: called when q is pressed or the window is closed."""

    def __init__(self, stop: Callable[[], None]) -> None:
        self._stop = stop
        self._shown = -EVERY_S
        self._is_paused = False
        self._is_open = False
        self._message = ""
        self._reading: Reading | None = None

    def show(self, reading: Reading) -> None:
        self._reading = reading
        if monotonic() - self._shown >= EVERY_S:
            self._draw(reading)

    def look(self) -> None:
        """Keys are obeyed, and what happened to the source is shown, also while no frame comes."""
        if self._reading is not None and monotonic() - self._shown >= IDLE_S:
            self._draw(self._reading)

    def status(self, status: Status) -> None:
        self._message = "" if status.is_streaming else status.message

    def close(self) -> None:
        if self._is_open:
            cv2.destroyAllWindows()
            cv2.waitKey(1)

    def _draw(self, reading: Reading) -> None:
        self._shown = monotonic()
        if not self._is_paused:
            cv2.imshow(TITLE, drawn(reading, self._message))
            self._is_open = True
        self._obey(cv2.waitKey(1) & 0xFF, reading)

    def _obey(self, key: int, reading: Reading) -> None:
        if _is_closed():
            self._is_open = False
            self._stop()
        elif key in (ord("q"), 27):
            self._stop()
        elif key == ord("s"):
            path = Path(f"frame_{reading.number:06}.png")
            try:
                files.write_bytes(path, pictures.encode_png(_bgr(reading)[:, :, ::-1]))
            except OSError as error:  # the window goes on, whatever the disk says
                command.say(f"note: {path} can't be saved ({error.strerror})")
            else:
                command.say(f"saved {path}")
        elif key == ord(" "):
            self._is_paused = not self._is_paused


def _is_closed() -> bool:
    """By its own button. Some of OpenCV's windows answer that with an error."""
    try:
        return cv2.getWindowProperty(TITLE, cv2.WND_PROP_VISIBLE) < 1
    except cv2.error:
        return True


def drawn(reading: Reading, message: str = "") -> Picture:
    """BGR, as cv2.imshow takes it: the picture, enlarged where it is small, and below it the labels as bars."""
    picture = _bgr(reading)
    enlarged = -(-SIDE // min(picture.shape[:2]))
    if enlarged > 1:
        picture = picture.repeat(enlarged, axis=0).repeat(enlarged, axis=1)
    width = picture.shape[1]
    panel = np.full((34 + 26 * len(reading.top), width, 3), DARK, np.uint8)
    for i, ranked in enumerate(reading.top):
        y, filled = 8 + 26 * i, round((width - 20) * min(max(ranked.score, 0.0), 1.0))
        cv2.rectangle(panel, (10, y), (10 + filled, y + 20), GREEN if i == 0 else (110, 110, 110), -1)
        _write(panel, f"{ranked.label} {ranked.score:.2f}", (16, y + 15))
    rate = f"{reading.rate:.0f} answers a second, invoke {text.milliseconds(reading.ms['invoke'])} ms"
    _write(panel, message or rate, (10, panel.shape[0] - 10))
    return np.vstack([picture, panel])


def _write(into: Picture, words: str, place: tuple[int, int]) -> None:
    cv2.putText(into, text.visible(words), place, cv2.FONT_HERSHEY_SIMPLEX, 0.5, WHITE, 1, cv2.LINE_AA)


def _bgr(reading: Reading) -> Picture:
    frame = reading.frame
    return frame.picture if frame.colour == "BGR" else np.ascontiguousarray(frame.picture[:, :, ::-1])
