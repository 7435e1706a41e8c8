"""The live loop where another model takes over, and where the source never was there."""

import time
from pathlib import Path
from typing import Any

import numpy as np

from device.inference.classifier import Classifier
from device.inference.overrides import Overrides
from device.live.interfaces.frames import Frame, Source, SourceLostError
from device.live.interfaces.output import Output
from device.live.interfaces.results import FrameResult, Status
from device.live.loop import Loop
from device.live.smoothing import Smoother
from tests.device import crafted


class Frames(Source):
    """Twenty frames by hand, each waiting until it is answered."""

    name, is_live, newest_only = "frames", False, False

    def open(self) -> None:
        self.left = 20

    def read(self) -> Frame | None:
        self.left -= 1
        return Frame(np.full((4, 6, 3), self.left, np.uint8)) if self.left >= 0 else None


class Seen(Output):
    """Asks for the other model after the fifth answer."""

    def __init__(self) -> None:
        self.results: list[FrameResult] = []
        self.loop: Any = None

    def show(self, result: FrameResult) -> None:
        self.results.append(result)
        if len(self.results) == 5:
            self.loop.ask_for_reload()

    def status(self, status: Status) -> None:
        assert status.is_streaming


def load(folder: Path, labels: int) -> Classifier:
    scores = [0.9, *[0.0] * (labels - 2), 0.1]
    file = crafted.write(folder / f"{labels}.tflite", crafted.constant(scores))
    names = folder / f"{labels}.txt"
    names.write_text("".join(f"label {i}\n" for i in range(labels)))
    return Classifier(file, Overrides(labels=names, mean=0.0))


def test_another_model_with_other_labels_takes_over_under_smoothing(tmp_path: Path) -> None:
    seen = Seen()
    loop = seen.loop = Loop(load(tmp_path, 2), Smoother(frames=8), seen, lambda: load(tmp_path, 5))
    assert loop.run(Frames()) is None
    widths = [len(result.scores) for result in seen.results]
    assert len(widths) == 20 and set(widths) == {2, 5} and widths == sorted(widths)


class Absent(Frames):
    """Takes a while until it is known that it isn't there."""

    def open(self) -> None:
        time.sleep(0.3)
        raise SourceLostError("there is no camera")


def test_nothing_is_told_of_a_source_that_never_was_there(tmp_path: Path) -> None:
    told: list[Status] = []
    seen, turns = Seen(), []
    seen.status = told.append  # type: ignore[assignment, method-assign]
    seen.tick = lambda: turns.append(1)  # type: ignore[method-assign]
    loop = Loop(load(tmp_path, 2), Smoother(), seen)
    assert loop.run(Absent()) == "there is no camera"
    assert (told, seen.results) == ([], [])
    assert len(turns) > 1, "the loop goes round meanwhile"
