"""A window with the image, the best labels as bars, and what it takes. q quits, s saves the frame, space pauses.

Needs an OpenCV with windows (the extra `window`) and a display.
"""

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from time import monotonic

from device import command, files
from device.declared import option
from device.live.interfaces.output import Output, OutputOptions, Surroundings
from device.live.interfaces.readings import Reading, Status

TITLE = "framelite"
EVERY_S = 1 / 30
# How long it goes without a look at its keys when no frame comes.
IDLE_S = 0.1
TRIAL = f"import cv2; cv2.namedWindow('{TITLE}'); cv2.destroyAllWindows()"


@dataclass(frozen=True)
class WindowOptions(OutputOptions):
    headless: bool = option(False, "no window, whatever this machine has")

    name, title = "window", "a window"

    def open(self, around: Surroundings) -> Output | None:
        """Where there can be one and nothing else shows the image."""
        if self.headless or around.image_is_shown:
            return None
        if reason := why_not():
            command.say(f"note: no window: {reason}; answers are shown here, --serve shows a page")
            return None
        return Window(around.stop)


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
    import cv2

    lines = cv2.getBuildInformation().splitlines()
    found = next((line for line in lines if line.strip().startswith("GUI:")), "")
    return "headless" if "NONE" in found else found


class Window(Output):
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

    def tick(self) -> None:
        """Keys are obeyed, and what happened to the source is shown, also while no frame comes."""
        if self._reading is not None and monotonic() - self._shown >= IDLE_S:
            self._draw(self._reading)

    def status(self, status: Status) -> None:
        self._message = "" if status.is_streaming else status.message

    def close(self) -> None:
        if self._is_open:
            import cv2

            cv2.destroyAllWindows()
            cv2.waitKey(1)

    def _draw(self, reading: Reading) -> None:
        import cv2

        from device.live.outputs import panel

        self._shown = monotonic()
        if not self._is_paused:
            cv2.imshow(TITLE, panel.drawn(reading, self._message))
            self._is_open = True
        self._obey(cv2.waitKey(1) & 0xFF, reading)

    def _obey(self, key: int, reading: Reading) -> None:
        if _is_closed():
            self._is_open = False
            self._stop()
        elif key in (ord("q"), 27):
            self._stop()
        elif key == ord("s"):
            _save(reading)
        elif key == ord(" "):
            self._is_paused = not self._is_paused


def _save(reading: Reading) -> None:
    from device.images import images
    from device.live.outputs import panel

    path = Path(f"frame_{reading.number:06}.png")
    try:
        files.write_bytes(path, images.encode_png(panel.bgr(reading)[:, :, ::-1]))
    except OSError as error:  # the window goes on, whatever the disk says
        command.say(f"note: {path} can't be saved ({error.strerror})")
    else:
        command.say(f"saved {path}")


def _is_closed() -> bool:
    """By its own button. Some of OpenCV's windows answer that with an error."""
    import cv2

    try:
        return cv2.getWindowProperty(TITLE, cv2.WND_PROP_VISIBLE) < 1
    except cv2.error:
        return True
