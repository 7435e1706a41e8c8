"""A window with the image, the best labels as bars, rate and latency. q quits, s saves the frame, space pauses.

Needs an OpenCV with GUI (the extra `window`) and a display.
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
from device.live.interfaces.results import FrameResult, Status

TITLE = "framelite"
EVERY_S = 1 / 30
# How often to check the keyboard while no frame comes.
IDLE_S = 0.1
TRIAL = f"import cv2; cv2.namedWindow('{TITLE}'); cv2.destroyAllWindows()"


@dataclass(frozen=True)
class WindowOptions(OutputOptions):
    headless: bool = option(False, "no window, even with a display")

    name, title = "window", "a window"

    def open(self, around: Surroundings) -> Output | None:
        """Opens if possible, unless another output shows the image."""
        if self.headless or around.image_is_shown:
            return None
        if reason := why_not():
            command.say(f"note: no window: {reason}; showing predictions here, --serve shows a page")
            return None
        return Window(around.stop)


def why_not() -> str | None:
    """Why no window is possible here; None if one is.

    Tries it in a separate process, because Qt ends the process if the display doesn't respond.
    """
    if sys.platform == "linux" and not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        return "there is no display"
    if "headless" in _gui():
        return "this OpenCV has no GUI (install '.[window]' in another environment for one that has)"
    tried = subprocess.run([sys.executable, "-c", TRIAL], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return None if tried.returncode == 0 else "the display can't be used"


def _gui() -> str:
    import cv2

    lines = cv2.getBuildInformation().splitlines()
    found = next((line for line in lines if line.strip().startswith("GUI:")), "")
    return "headless" if "NONE" in found else found


class Window(Output):
    """stop: called if q is pressed or the window is closed."""

    def __init__(self, stop: Callable[[], None]) -> None:
        self._stop = stop
        self._shown = -EVERY_S
        self._is_paused = False
        self._is_open = False
        self._message = ""
        self._result: FrameResult | None = None

    def show(self, result: FrameResult) -> None:
        self._result = result
        if monotonic() - self._shown >= EVERY_S:
            self._draw(result)

    def tick(self) -> None:
        """Handles keys and shows the source's status, even while no frame comes."""
        if self._result is not None and monotonic() - self._shown >= IDLE_S:
            self._draw(self._result)

    def status(self, status: Status) -> None:
        self._message = "" if status.is_streaming else status.message

    def close(self) -> None:
        if self._is_open:
            import cv2

            cv2.destroyAllWindows()
            cv2.waitKey(1)

    def _draw(self, result: FrameResult) -> None:
        import cv2

        from device.live.outputs import panel

        self._shown = monotonic()
        if not self._is_paused:
            cv2.imshow(TITLE, panel.drawn(result, self._message))
            self._is_open = True
        self._obey(cv2.waitKey(1) & 0xFF, result)

    def _obey(self, key: int, result: FrameResult) -> None:
        if _is_closed():
            self._is_open = False
            self._stop()
        elif key in (ord("q"), 27):
            self._stop()
        elif key == ord("s"):
            _save(result)
        elif key == ord(" "):
            self._is_paused = not self._is_paused


def _save(result: FrameResult) -> None:
    from device.images import images

    path = Path(f"frame_{result.number:06}.png")
    try:
        files.write_bytes(path, images.encode_png(result.frame.pixels("RGB")))
    except OSError as error:  # a full disk must not end the window
        command.say(f"note: {path} can't be saved ({error.strerror})")
    else:
        command.say(f"saved {path}")


def _is_closed() -> bool:
    """Whether the user closed it. Some of OpenCV's GUIs raise an error then."""
    import cv2

    try:
        return cv2.getWindowProperty(TITLE, cv2.WND_PROP_VISIBLE) < 1
    except cv2.error:
        return True
