"""The live loop for Python programs: predictions for a camera's frames.

for prediction in watch("doors_int8.tflite", source=0, on_change=True, held_s=2.0):
    print(prediction.label, prediction.score)
"""

import logging
from collections.abc import Generator
from contextlib import closing
from dataclasses import dataclass, field
from numbers import Real
from os import PathLike
from pathlib import Path
from time import monotonic
from typing import Any

from device import declared
from device.errors import UserError
from device.images.images import Pixels
from device.inference.overrides import NO_OVERRIDES, Overrides
from device.inference.prediction import Prediction
from device.live import loading, sources
from device.live.interfaces.frames import Source
from device.live.interfaces.holding import Holding
from device.live.interfaces.output import Output
from device.live.interfaces.results import FrameResult, Status
from device.live.loop import Loop
from device.live.smoothing import Smoother
from device.model.confidence import UNKNOWN

LOG = logging.getLogger("device.live")


@dataclass(frozen=True, kw_only=True)
class LivePrediction(Prediction):
    """The prediction for one frame; scores are after smoothing.

    shown: the label, `unknown` if nothing reaches the threshold. shown_score: of that label; of the best one if it is
    unknown. frame: uint8 RGB, height x width x 3, as it came from the source. captured: when, in seconds of
    time.monotonic(). held_s: for how many seconds the label has been shown.
    """

    shown: str
    shown_score: float
    frame: Pixels = field(repr=False)
    captured: float
    held_s: float

    @property
    def label(self) -> str:
        """The label to show: smoothed, and `unknown` below the file's threshold."""
        return self.shown

    @property
    def score(self) -> float:
        """Of that label, smoothed; of the best one if it is unknown."""
        return self.shown_score

    @property
    def is_unknown(self) -> bool:
        """Whether no label reaches the file's threshold."""
        return self.shown == UNKNOWN

    @property
    def age_ms(self) -> float:
        """The time since the frame was captured."""
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
    """Yields predictions for a source's frames, until the source ends.

    A new frame of a camera, or of a video with realtime=True, replaces one that waits, so predictions are for current
    frames. Of other files every frame is classified. A live source that is lost is reopened, forever, and logged.
    Leaving the `for`, or `close()`, frees the camera.

    Args:
        model: a .tflite file.
        source: a camera's number, or anything else that `--source` takes.
        on_change: yield only when the shown label changes.
        held_s: yield only when the label has been shown for so many seconds; with on_change, once each time.
        smooth: average scores over so many frames, so that labels don't flicker.
        threshold: below this best score the label is `unknown`; None: the file's, if any.
        threads: of the interpreter; None: the fastest number here, tried for a second and kept.
        overrides: what a third-party file doesn't say.
        of_source: options of the source, as on the command line: capture=(1280, 720), loop=True, …

    Raises:
        UserError: at the call for an invalid model or source; later for a source that can't be opened.
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
    if not (isinstance(held_s, Real) and held_s >= 0):
        raise UserError(f"held_s is {held_s}, expected seconds from 0 on; 0 waits for nothing")
    if not (isinstance(smooth, int) and 1 <= smooth <= 1000):
        raise UserError(f"smooth is {smooth}, expected a number of frames from 1 to 1000; 1 averages nothing")
    if threshold is not None and not (isinstance(threshold, Real) and 0 <= threshold <= 1):
        raise UserError(f"threshold is {threshold}, expected a score from 0 to 1; None is the file's own")


def _predictions(
    loop: Loop, news: "_News", source: Source, labels: tuple[str, ...]
) -> Generator[LivePrediction, None, None]:
    with closing(loop.results(source)) as results:
        for result in results:
            held_s = news.held_s(result)
            if held_s is not None:
                yield _prediction(result, held_s, labels)
    if loop.reason:
        raise UserError(loop.reason)


def _prediction(result: FrameResult, held_s: float, labels: tuple[str, ...]) -> LivePrediction:
    frame = result.frame
    return LivePrediction(
        result.scores,
        labels,
        timings_ms=result.ms,
        shown=result.label,
        shown_score=result.score,
        frame=frame.pixels("RGB"),
        captured=frame.captured,
        held_s=held_s,
    )


class _News(Output):
    """Selects the results to yield, and logs the source's status."""

    def __init__(self, on_change: bool, least_s: float) -> None:
        self._on_change, self._least_s = on_change, least_s
        self._holding = Holding()
        self._label: str | None = None
        self._is_yielded = False  # since the label changed
        self._is_streaming = True

    def held_s(self, result: FrameResult) -> float | None:
        """How long the label of a result has held; None if the result is not yielded."""
        held_s = self._holding.seconds(result)
        if result.label != self._label:
            self._label, self._is_yielded = result.label, False
        if held_s < self._least_s or (self._on_change and self._is_yielded):
            return None
        self._is_yielded = True
        return held_s

    def status(self, status: Status) -> None:
        if not status.is_streaming and self._is_streaming:
            LOG.warning("%s; trying again", status.message)
            self._holding.forget()
        elif status.is_streaming and not self._is_streaming:
            LOG.warning("%s is back", status.source)
        self._is_streaming = status.is_streaming
