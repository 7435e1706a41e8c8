"""The window, for real: an OpenCV that has windows, in an environment of its own, on a display that Xvfb makes."""

import ctypes
import os
import shutil
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from device.inference.prediction import Ranked
from device.live.interfaces.frames import Frame
from device.live.interfaces.results import FrameResult
from device.live.outputs import panel, window
from tests.conftest import ROOT, environment, missing
from tests.device.classifying import INT8
from tests.device.mjpeg_server import Server

pytestmark = pytest.mark.programs

LIMIT_S = 30.0


@pytest.fixture(scope="module")
def display() -> Iterator[str]:
    """The number of a screen that nobody sees."""
    if not (shutil.which("Xvfb") and shutil.which("xdotool")):
        missing("no Xvfb and xdotool; install them with: apt install xvfb xdotool")
    read, write = os.pipe()
    # By default it begins anew when its last visitor goes, and ends who comes at that moment.
    words = ["Xvfb", "-displayfd", str(write), "-screen", "0", "1400x1000x24", "-nolisten", "tcp", "-noreset"]
    server = subprocess.Popen(words, pass_fds=(write,), stderr=subprocess.DEVNULL)
    os.close(write)
    with os.fdopen(read) as numbers:
        number = numbers.readline().strip()
    yield f":{number}"
    server.terminate()
    server.wait(10)


class Shown:
    """A live classifier with a window; `press` types a key into it."""

    def __init__(self, display: str, folder: Path, source: str = "test") -> None:
        self.display, self.folder = display, folder
        self.environment = {**os.environ, "DISPLAY": display, "PYTHONPATH": str(ROOT), "QT_LOGGING_RULES": "*=false"}
        words = [environment("window"), "-m", "device", "live", INT8, "--source", source, "--threads", "1"]
        self.process = subprocess.Popen(
            list(map(str, words)),
            cwd=folder,
            env=self.environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.number = self.find()

    def find(self) -> str:
        deadline = time.monotonic() + LIMIT_S
        while time.monotonic() < deadline and self.process.poll() is None:
            found = self._xdotool("search", "--name", f"^{window.TITLE}$")
            if found:
                return found.split()[0]
            time.sleep(0.2)
        ended = self.process.poll()
        self.process.kill()
        pytest.fail(f"no window came (exit code {ended}): {self.process.communicate()[1]}")

    def _xdotool(self, *words: str) -> str:
        done = subprocess.run(["xdotool", *words], env=self.environment, capture_output=True, text=True, timeout=10)
        return done.stdout

    def press(self, key: str) -> None:
        self._xdotool("windowfocus", self.number)
        self._xdotool("key", "--window", self.number, key)

    def save(self) -> Path:
        """Presses s until a frame is there: then the window is the program's own, and no longer its trial's."""
        deadline = time.monotonic() + LIMIT_S
        while not (saved := list(self.folder.glob("frame_*.png"))) and time.monotonic() < deadline:
            self.number = self.find()
            self.press("s")
            time.sleep(0.3)
        return saved[0]

    def close(self) -> None:
        """What a window manager sends when the window's own button is pressed; none runs here."""
        x = ctypes.CDLL("libX11.so.6")
        x.XOpenDisplay.restype, x.XInternAtom.restype = ctypes.c_void_p, ctypes.c_ulong
        screen = ctypes.c_void_p(x.XOpenDisplay(self.display.encode()))
        protocols, delete = (x.XInternAtom(screen, name, 0) for name in (b"WM_PROTOCOLS", b"WM_DELETE_WINDOW"))
        event = (ctypes.c_long * 24)(33, 0, 0, 0, int(self.number), protocols, 32, delete)  # an XClientMessageEvent
        x.XSendEvent(screen, ctypes.c_ulong(int(self.number)), 0, ctypes.c_long(0), event)
        x.XCloseDisplay(screen)

    def end(self) -> str:
        """What was said; it must have ended by itself."""
        timer = threading.Timer(LIMIT_S, self.process.kill)
        timer.start()
        said = self.process.communicate()[1]
        timer.cancel()
        assert self.process.returncode == 0, said
        return said


def test_keys_save_the_frame_pause_and_end(display: str, tmp_path: Path) -> None:
    shown = Shown(display, tmp_path)
    path = shown.save()
    saved = cv2.imread(str(path))
    assert saved is not None and saved.shape == (720, 1280, 3)
    assert len(np.unique(saved)) > 20, "the pattern is in it"
    shown.press("space")
    time.sleep(0.3)
    assert shown.process.poll() is None
    shown.press("q")
    said = shown.end()
    assert f"saved {path.name}" in said and "no window" not in said


def test_a_frame_that_cannot_be_saved_is_said_and_the_window_goes_on(display: str, tmp_path: Path) -> None:
    folder = tmp_path / "shots"
    folder.mkdir()
    shown = Shown(display, folder)
    shown.save()
    shutil.rmtree(folder)
    shown.press("s")
    assert shown.process.stderr is not None
    assert any("can't be saved" in line for line in shown.process.stderr)
    shown.press("q")
    assert "window:" not in shown.end()


def test_keys_are_obeyed_while_the_source_is_lost(display: str, tmp_path: Path) -> None:
    server = Server("good")
    try:
        shown = Shown(display, tmp_path, server.url)
        shown.save()
    finally:
        server.kill()
    assert shown.process.stderr is not None
    assert any("trying again" in line for line in shown.process.stderr)
    shown.press("q")
    shown.end()


def test_a_window_that_is_closed_ends_it(display: str, tmp_path: Path) -> None:
    shown = Shown(display, tmp_path)
    shown.save()
    shown.close()
    assert "Traceback" not in shown.end()


def test_without_a_display_it_says_so(tmp_path: Path) -> None:
    words = [environment("window"), "-m", "device", "live", INT8, "--source", "test", "--frames", "3"]
    for screen, reason in (("", "there is no display"), (":94", "the display can't be used")):
        done = subprocess.run(
            list(map(str, words)),
            cwd=tmp_path,
            env={**os.environ, "DISPLAY": screen, "WAYLAND_DISPLAY": "", "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.returncode == 0, done.stderr
        assert f"note: no window: {reason}" in done.stderr
        assert done.stdout, "it goes on in the terminal"


def test_what_is_drawn() -> None:
    """A small image is enlarged; a bar is as long as its score."""
    top = (Ranked("circle", 0.75, 0), Ranked("square", 0.25, 1))
    frame = Frame(np.full((60, 80, 3), (10, 20, 200), np.uint8), "RGB")
    scores = np.array([0.75, 0.25], np.float32)
    ms = {"preprocess": 0.1, "invoke": 1.0, "postprocess": 0.1, "frame": 2.0}
    result = FrameResult(1, frame, 0.0, scores, top, "circle", 0.75, True, ms, 0, 30.0)
    drawn = panel.drawn(result)
    assert drawn.shape[1] == 640 and drawn[100, 100].tolist() == [200, 20, 10]
    bars = [(drawn[480 + 10 + 26 * i] != panel.DARK).any(axis=1).sum() for i in range(2)]
    assert bars[0] > 0.7 * 620 > 0.5 * 620 > bars[1] > 0.2 * 620
