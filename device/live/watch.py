"""The live loop for Python programs: predictions of a camera's frames, as they come.

for prediction in watch("doors_int8.tflite", source=0, on_change=True, held_s=2.0):
    print(prediction.label, prediction.score)
"""

import logging
from collections.abc import Generator
from contextlib import closing
from dataclasses import dataclass, field
from os import PathLike
from pathlib import Path
from time import monotonic
from typing import Any

import numpy as np

from device import declared
from device.errors import UserError
from device.images.images import Pixels
from device.inference.model_spec import NO_OVERRIDES, Overrides
from device.inference.prediction import Prediction
from device.live import loading, sources
from device.live.interfaces.frames import Source
from device.live.interfaces.holding import Holding
from device.live.interfaces.output import Output
from device.live.interfaces.readings import Reading, Status
from device.live.loop import Loop
from device.live.smoothing import Smoother
from device.model.confidence import UNKNOWN

LOG = logging.getLogger("device.live")


@dataclass(frozen=True, kw_only=True)
class LivePrediction(Prediction):
    """What is shown of one frame; scores are those after smoothing.

    shown: the label, `unknown` where nothing reaches the threshold. shown_score: of that label; of the best one where
    it is unknown. frame: uint8 RGB, height x width x 3, as it came from the source. captured: when, in seconds of
    time.monotonic(). held_s: for how many seconds the label has been shown by then.
    """

    shown: str
    shown_score: float
    frame: Pixels = field(repr=False)
    captured: float
    held_s: float

    @property
    def label(self) -> str:
        return self.shown

    @property
    def score(self) -> float:
        return self.shown_score

    @property
    def is_unknown(self) -> bool:
        return self.shown == UNKNOWN

    @property
    def age_ms(self) -> float:
        """How long ago the frame was captured, now."""
        return 1e3 * (monotonic() - self.captured)


def watch(
    model: str | PathLike[str],
    source: str | int | PathLike[str] = 0,
    *,
    on_change: bool = False,
    held_s: float = 0.0,
    smooth: int = 1,
    threshold: float | None = None,
    threads: int | None = None,
    overrides: Overrides = NO_OVERRIDES,
    **of_source: Any,
) -> Generator[LivePrediction, None, None]:
    """Predictions for the newest frame of a source, for as long as they are asked for; a source that ends ends them.

    A frame that comes while the one before is being worked on takes the place of one that waits, so what is predicted
    is now. A live source that is lost is opened again, for ever, which is said by logging. Leaving the `for`, or
    `close()`, frees the camera.

    Args:
        model: a .tflite file.
        source: a camera's number, or anything else that `--source` takes.
        on_change: only when the shown label changes.
        held_s: only when the label has been shown for so many seconds; with on_change once for each time that it is.
        smooth: scores are averaged over so many frames, and labels don't flicker.
        threshold: a best score below it is `unknown`; None: the file's, where it has one.
        threads: of the interpreter; None: what is fastest here, tried for a second and kept.
        overrides: what a file from elsewhere doesn't say.
        of_source: what goes with the source, as on the command line: capture=(1280, 720), loop=True, …

    Raises:
        UserError: at the call for a model or a source that can be none; later for one that can't be opened.
    """
    _check(held_s, smooth, threshold, of_source)
    named = sources.options(str(source), of_source)
    classifier = loading.load(Path(model), overrides, None, threads)
    news = _News(on_change, held_s)
    loop = Loop(classifier, Smoother(smooth, loading.threshold(threshold, classifier)), news)
    return _predictions(loop, news, named.source(classifier.size), classifier.card.labels or ())


def _check(held_s: float, smooth: int, threshold: float | None, of_source: dict[str, Any]) -> None:
    known = {name for kind in sources.KINDS for name in declared.options(kind)}
    if unknown := sorted(set(of_source) - known):
        raise TypeError(f"watch() got an unexpected keyword argument {unknown[0]!r}")
    if not held_s >= 0:
        raise UserError(f"held_s is {held_s}, expected seconds from 0 on")
    if not 1 <= smooth <= 1000:
        raise UserError(f"smooth is {smooth}, expected a number of frames from 1 to 1000")
    if threshold is not None and not 0 <= threshold <= 1:
        raise UserError(f"threshold is {threshold}, expected a score from 0 to 1")


def _predictions(
    loop: Loop, news: "_News", source: Source, labels: tuple[str, ...]
) -> Generator[LivePrediction, None, None]:
    with closing(loop.readings(source)) as readings:
        for reading in readings:
            held_s = news.held_s(reading)
            if held_s is not None:
                yield _prediction(reading, held_s, labels)
    if loop.reason:
        raise UserError(loop.reason)


def _prediction(reading: Reading, held_s: float, labels: tuple[str, ...]) -> LivePrediction:
    frame = reading.frame
    rgb = frame.image if frame.color == "RGB" else np.ascontiguousarray(frame.image[:, :, ::-1])
    return LivePrediction(
        reading.scores,
        labels,
        timings_ms=reading.ms,
        shown=reading.label,
        shown_score=reading.score,
        frame=rgb,
        captured=frame.captured,
        held_s=held_s,
    )


class _News(Output):
    """Which readings are handed on; and what happens to the source, by logging."""

    def __init__(self, on_change: bool, least_s: float) -> None:
        self._on_change, self._least_s = on_change, least_s
        self._holding = Holding()
        self._label: str | None = None
        self._is_told = False  # since the label changed
        self._is_streaming = True

    def held_s(self, reading: Reading) -> float | None:
        """How long the label of a reading has held; None for one that is not handed on."""
        held_s = self._holding.seconds(reading)
        if reading.label != self._label:
            self._label, self._is_told = reading.label, False
        if held_s < self._least_s or (self._on_change and self._is_told):
            return None
        self._is_told = True
        return held_s

    def status(self, status: Status) -> None:
        if not status.is_streaming and self._is_streaming:
            LOG.warning("%s; trying again", status.message)
            self._holding.forget()
        elif status.is_streaming and not self._is_streaming:
            LOG.warning("%s is back", status.source)
        self._is_streaming = status.is_streaming
