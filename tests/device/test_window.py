"""The window, for real: an OpenCV that has windows, in an environment of its own, on a display that Xvfb makes."""

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from device.classifier import Ranked
from device.live import window
from device.live.frames import Frame
from device.live.readings import Reading
from tests.conftest import ROOT, environment, missing
from tests.device.classifying import INT8

pytestmark = pytest.mark.programs

LIMIT_S = 30.0


@pytest.fixture(scope="module")
def display() -> Iterator[str]:
    """The number of a screen that nobody sees."""
    if not (shutil.which("Xvfb") and shutil.which("xdotool")):
        missing("no Xvfb and xdotool; install them with: apt install xvfb xdotool")
    read, write = os.pipe()
    words = ["Xvfb", "-displayfd", str(write), "-screen", "0", "1400x1000x24", "-nolisten", "tcp"]
    server = subprocess.Popen(words, pass_fds=(write,), stderr=subprocess.DEVNULL)
    os.close(write)
    with os.fdopen(read) as numbers:
        number = numbers.readline().strip()
    yield f":{number}"
    server.terminate()
    server.wait(10)


class Shown:
    """A live classifier with a window; `press` types a key into it."""

    def __init__(self, display: str, folder: Path) -> None:
        self.environment = {**os.environ, "DISPLAY": display, "PYTHONPATH": str(ROOT), "QT_LOGGING_RULES": "*=false"}
        words = [environment("window"), "-m", "device", "live", INT8, "--source", "test", "--threads", "1"]
        self.process = subprocess.Popen(
            list(map(str, words)),
            cwd=folder,
            env=self.environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.number = self._find()

    def _find(self) -> str:
        deadline = time.monotonic() + LIMIT_S
        while time.monotonic() < deadline and self.process.poll() is None:
            found = self._xdotool("search", "--name", f"^{window.TITLE}$")
            if found:
                return found.split()[0]
            time.sleep(0.2)
        self.process.kill()
        pytest.fail(f"no window came: {self.process.communicate()[1]}")

    def _xdotool(self, *words: str) -> str:
        done = subprocess.run(["xdotool", *words], env=self.environment, capture_output=True, text=True, timeout=10)
        return done.stdout

    def press(self, key: str) -> None:
        self._xdotool("windowfocus", self.number)
        self._xdotool("key", "--window", self.number, key)

    def end(self) -> str:
        """What was said; it must have ended by itself."""
        said = self.process.communicate(timeout=LIMIT_S)[1]
        assert self.process.returncode == 0, said
        return said


def test_keys_save_the_frame_pause_and_end(display: str, tmp_path: Path) -> None:
    shown = Shown(display, tmp_path)
    deadline = time.monotonic() + LIMIT_S
    while not list(tmp_path.glob("frame_*.png")) and time.monotonic() < deadline:
        shown.press("s")
        time.sleep(0.3)
    (path, *_) = tmp_path.glob("frame_*.png")
    saved = cv2.imread(str(path))
    assert saved is not None and saved.shape == (720, 1280, 3)
    assert len(np.unique(saved)) > 20, "the pattern is in it"
    shown.press("space")
    time.sleep(0.3)
    assert shown.process.poll() is None
    shown.press("q")
    said = shown.end()
    assert f"saved {path.name}" in said and "no window" not in said


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
    """A small picture is enlarged; a bar is as long as its score."""
    top = (Ranked("circle", 0.75, 0), Ranked("square", 0.25, 1))
    frame = Frame(np.full((60, 80, 3), (10, 20, 200), np.uint8), "RGB")
    scores = np.array([0.75, 0.25], np.float32)
    ms = {"preprocess": 0.1, "invoke": 1.0, "postprocess": 0.1, "frame": 2.0}
    reading = Reading(1, frame, 0.0, scores, top, "circle", 0.75, True, ms, 0, 30.0)
    drawn = window.drawn(reading)
    assert drawn.shape[1] == 640 and drawn[100, 100].tolist() == [200, 20, 10]
    bars = [(drawn[480 + 10 + 26 * i] != window.DARK).any(axis=1).sum() for i in range(2)]
    assert bars[0] > 0.7 * 620 > 0.5 * 620 > bars[1] > 0.2 * 620
