"""The live loop: frames in, results out. The reader's thread preprocesses the next frame while this one invokes."""

from collections import deque
from collections.abc import Callable, Generator
from dataclasses import dataclass
from time import monotonic, perf_counter, time

from device import command
from device.errors import UserError
from device.inference.classifier import Classifier, NotFiniteError
from device.inference.prediction import Scores
from device.inference.preprocess import Fed
from device.live.interfaces.frames import Frame, Source
from device.live.interfaces.output import Output
from device.live.interfaces.results import FrameResult, Status
from device.live.reader import Reader, SourceState
from device.live.smoothing import Smoother
from device.model.confidence import UNKNOWN

# How often the loop checks, without a frame, for a stop, a lost source, or a model to load.
POLL_S = 0.1
# The rate counts predictions over so many seconds.
RATE_S = 2.0


@dataclass(frozen=True)
class PreprocessedFrame:
    """A frame with its input tensor, and the model that the tensor is for."""

    frame: Frame
    tensor: Fed
    classifier: Classifier
    took_ms: float


class Loop:
    """Classifies a source's frames until the source ends or `stop` is called.

    output: gets the status; `run` shows it every result. reload: loads the model again after `ask_for_reload`; if it
    raises UserError, the old model stays. frames: ends after so many. reason: why it ended, unless that was the
    source's end, or why there was no prediction.
    """

    def __init__(
        self,
        classifier: Classifier,
        smoother: Smoother,
        output: Output,
        reload: Callable[[], Classifier] | None = None,
        top_k: int = 5,
        frames: int | None = None,
    ) -> None:
        self._smoother, self._output, self._reload = smoother, output, reload
        self._top_k, self._frames = top_k, frames
        self.reason: str | None = None
        self._model = classifier, classifier.preprocessor.stream()
        self._in_use = classifier
        self._is_stopped = self._wants_reload = False
        self._status: Status | None = None
        self._number, self._label = 0, ""
        self._not_finite = 0  # frames whose scores are not finite
        self._broken: NotFiniteError | None = None  # why there is no prediction yet, if the network is the reason
        self._times: deque[float] = deque()

    def stop(self) -> None:
        """May be called from a signal handler or another thread."""
        self._is_stopped = True

    def ask_for_reload(self) -> None:
        """May be called from a signal handler or another thread."""
        self._wants_reload = True

    def run(self, source: Source) -> str | None:
        """Shows every result, then returns `reason`."""
        for result in self.results(source):
            self._output.show(result)
        return self.reason

    def results(self, source: Source) -> Generator[FrameResult, None, None]:
        """The results as they come. Closes the source when the iterator is closed or ends."""
        with Reader(source, self._preprocess) as reader:
            while not self._is_stopped and self._number + self._not_finite != self._frames:
                self._output.tick()
                if self._wants_reload:
                    self._load(reader)
                ready, state = reader.take(POLL_S), reader.state
                if state.is_opened and not state.has_ended:  # an end is no loss
                    self._report(source, state)
                if ready is not None:
                    result = self._result(ready, state)
                    if result is not None:
                        yield result
                elif state.has_ended:
                    self.reason = state.error or self._only_failure()
                    return
        self.reason = self._only_failure()

    def _only_failure(self) -> str | None:
        return None if self._broken is None or self._number else str(self._broken)

    def _preprocess(self, frame: Frame) -> PreprocessedFrame:
        """Runs in the reader's thread."""
        start = perf_counter()
        classifier, tensor_of = self._model
        tensor = tensor_of(frame.image, frame.color)
        return PreprocessedFrame(frame, tensor, classifier, 1e3 * (perf_counter() - start))

    def _result(self, ready: PreprocessedFrame, state: SourceState) -> FrameResult | None:
        if ready.classifier is not self._in_use:  # frames for the previous model may have waited
            self._smoother.forget()
            self._in_use, self._broken = ready.classifier, None
        start = perf_counter()
        ready.classifier.invoke(ready.tensor)
        invoked = perf_counter()
        if (raw := self._scores(ready.classifier)) is None:
            return None
        scores, shown = self._smoother.smooth(raw)
        top = tuple(ready.classifier.top(scores, self._top_k))
        labels = ready.classifier.card.labels
        assert labels is not None
        label = UNKNOWN if shown is None else labels[shown]
        ms = {"preprocess": ready.took_ms, "invoke": 1e3 * (invoked - start)}
        ms |= {"postprocess": 1e3 * (perf_counter() - invoked), "frame": ready.frame.age_ms}
        self._number += 1
        result = FrameResult(
            number=self._number,
            frame=ready.frame,
            time=time() - ms["frame"] / 1e3,
            scores=scores,
            top=top,
            label=label,
            score=top[0].score if shown is None else float(scores[shown]),
            changed=label != self._label,
            ms=ms,
            dropped=state.dropped + self._not_finite,
            rate=self._rate(),
            unusable=state.unusable,
            is_unknown=None if self._smoother.threshold is None else shown is None,
        )
        self._label = label
        return result

    def _scores(self, classifier: Classifier) -> Scores | None:
        """None if they are not finite: the frame counts as dropped. Prints this once per model."""
        try:
            return classifier.scores()
        except NotFiniteError as error:
            if self._broken is None:
                command.say(f"note: {error}; frames with such scores get no prediction, and count as dropped")
            self._broken = error
            self._not_finite += 1
            return None

    def _rate(self) -> float:
        """Predictions per second over the last RATE_S; 0 before the second one."""
        now = monotonic()
        self._times.append(now)
        while now - self._times[0] > RATE_S:
            self._times.popleft()
        span = now - self._times[0]
        return (len(self._times) - 1) / span if span else 0.0

    def _report(self, source: Source, state: SourceState) -> None:
        """Passes changes of the source's state to the output. A gap makes earlier scores obsolete."""
        classifier = self._model[0]
        status = Status(
            source=source.name,
            is_streaming=state.is_streaming,
            message=state.message,
            lost=state.lost,
            model=classifier.path.name,
            threads=classifier.threads,
            may_wait=source.may_wait,
            unusable=state.unusable,
        )
        if status == self._status:
            return
        if not status.is_streaming:
            self._smoother.forget()
        self._status = status
        self._output.status(status)

    def _load(self, reader: Reader[PreprocessedFrame]) -> None:
        """Reloads the model if it is good; the loop waits meanwhile."""
        self._wants_reload = False
        if self._reload is None:
            return
        self._output.reloading()
        try:
            classifier = self._reload()
        except (UserError, OSError) as error:
            command.say(f"error: {error}; the loaded model stays in use")
            return
        finally:
            self._output.ready()
        if classifier.size != self._model[0].size:
            reader.fit(classifier.size)
        self._model = classifier, classifier.preprocessor.stream()
        self._output.model_changed(classifier.card)
        command.say(f"{classifier.path}: reloaded")
