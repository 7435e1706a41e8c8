"""Results as `live` makes them: the drawn shapes, moving, through the committed int8 network."""

import ctypes
import gc
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from math import cos, sin

import cv2
import numpy as np

from device.images.images import Pixels
from device.inference.classifier import Classifier
from device.live.interfaces.frames import Frame
from device.live.interfaces.output import Output
from device.live.interfaces.results import FrameResult, Status
from tests import drawing
from tests.conftest import model

STREAMING = Status("test", True, "", 0, "shapes_int8.tflite", 1)
LOST = Status("test", False, "test was lost (unplugged); trying again", 1, "shapes_int8.tflite", 1)
# A label is drawn for so many frames before the next one's turn.
TURN = 45


class Feed:
    """Makes one result after another; a frame (height, width) of each is of another color and place."""

    def __init__(self, size: tuple[int, int] = (360, 640)) -> None:
        self.classifier = Classifier(model("int8"))
        self.card = self.classifier.card
        self.size = size
        self._label = ""
        self._number = 0

    def next(self, label: str | None = None) -> FrameResult:
        self._number += 1
        drawn = drawing.LABELS[self._number // TURN % 3]
        frame = Frame(draw(drawn, self._number, self.size))
        answer = self.classifier.classify(np.ascontiguousarray(frame.image[..., ::-1]))
        top = tuple(self.classifier.top(answer.scores, 3))
        label = label or top[0].label
        changed, self._label = label != self._label, label
        ms = {
            "preprocess": answer.timings_ms["preprocess"],
            "invoke": answer.timings_ms["invoke"],
            "postprocess": answer.timings_ms["postprocess"],
            "frame": frame.age_ms,
        }
        dropped, rate = self._number // 10, 30 + sin(self._number / 9)
        return FrameResult(
            self._number, frame, time.time(), answer.scores, top, label, top[0].score, changed, ms, dropped, rate
        )


def draw(label: str, number: int, size: tuple[int, int]) -> Pixels:
    """A BGR frame: a shape that goes round a little and changes its size, on a slow gradient."""
    height, width = size
    across = np.linspace(40, 90, width) + 20 * sin(number / 40)
    frame = np.empty((height, width, 3), np.uint8)
    frame[...] = across[None, :, None] * np.array([1.0, 0.85, 0.7])
    radius = int(height * (0.27 + 0.05 * sin(number / 11)))
    x = int(width / 2 + 0.1 * height * cos(number / 8))
    y = int(height / 2 + 0.06 * height * sin(number / 8))
    color = (90, 200 + int(40 * sin(number / 30)), 240)
    if label == "circle":
        cv2.circle(frame, (x, y), radius, color, -1, cv2.LINE_AA)
    elif label == "square":
        cv2.rectangle(frame, (x - radius, y - radius), (x + radius, y + radius), color, -1)
    else:
        corners = np.array([[x, y - radius], [x - radius, y + radius], [x + radius, y + radius]])
        cv2.fillPoly(frame, [corners], color, cv2.LINE_AA)
    return frame


def marked(result: FrameResult, mark: int) -> FrameResult:
    """The same result of a noisy frame, which makes a large JPEG, with a corner of so much gray."""
    noise = np.random.default_rng(mark).integers(0, 256, (400, 600, 3), np.uint8)
    noise[:80, :80] = mark
    return replace(result, frame=Frame(noise))


def see(images: Iterator[Pixels], mark: int) -> Pixels:
    """Looks at images until the one with this corner comes."""
    return next(image for image in images if abs(int(image[8:72, 8:72].mean()) - mark) < 4)


@contextmanager
def feeding(output: Output, feed: Feed, rate: float = 30) -> Iterator[None]:
    """Shows results from a thread of its own, as the live loop does, until the block is left."""
    ended = threading.Event()

    def work() -> None:
        output.status(STREAMING)
        while not ended.wait(1 / rate):
            output.show(feed.next())

    thread = threading.Thread(target=work, name="feed")
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def wait_for(condition: Callable[[], object], seconds: float = 30) -> None:
    """Until it is true; fails after so many seconds."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it didn't come true in time"
        time.sleep(0.01)


def functions(thread: threading.Thread) -> list[str]:
    """The names of those that it is in now."""
    frame = sys._current_frames().get(thread.ident or 0)
    return [each.name for each in traceback.extract_stack(frame)] if frame else []


def interrupt(thread: threading.Thread) -> None:
    """Raises SystemExit in a thread, when it is in Python next."""
    assert thread.ident is not None
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread.ident), ctypes.py_object(SystemExit))


def end(thread: threading.Thread) -> None:
    """Ends a thread from outside, as a fault in it would; where Python passes one over (in a __del__), once more.

    Not before some seconds are over: a second one would end what the thread does about the first. Nothing is collected
    meanwhile: what another thread that was ended so has left open is reported by the thread that collects it, and an
    exception in the middle of such a report would be pytest's failure.
    """

    def is_dead() -> bool:
        if thread.is_alive():
            interrupt(thread)
            thread.join(5)
        return not thread.is_alive()

    gc.collect()
    gc.disable()
    try:
        wait_for(is_dead)
    finally:
        gc.enable()
