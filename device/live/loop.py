"""The live loop: frames in, readings out. The reader's thread makes the next frame ready while this one invokes."""

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
from device.live.interfaces.readings import Reading, Status
from device.live.reader import Reader, SourceState
from device.live.smoothing import Smoother
from device.model.confidence import UNKNOWN

# How often the loop looks around when no frame comes: for a stop, a lost source, a model to load.
LOOK_S = 0.1
# The answers of so many seconds are counted for the rate.
RATE_S = 2.0


@dataclass(frozen=True)
class Prepared:
    """A frame with its input tensor, and the model that it was made for."""

    frame: Frame
    tensor: Fed
    classifier: Classifier
    took_ms: float


class Loop:
    """Answers a source's frames, until the source ends or `stop` is called.

    output: is told of what happens meanwhile; `run` shows it every answer. reload: makes the model anew when
    `ask_for_reload` was called; UserError where it is no good, then the old one goes on. frames: after how many it
    ends. reason: why it ended, once it has, where that was not the source's own end; or why nothing was answered.
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
        self._answering = classifier
        self._is_stopped = self._wants_reload = False
        self._status: Status | None = None
        self._number, self._label = 0, ""
        self._no_numbers = 0  # frames whose scores are none
        self._broken: NotFiniteError | None = None  # why none was answered yet, where the network is the reason
        self._times: deque[float] = deque()

    def stop(self) -> None:
        """May be called from a signal handler or another thread."""
        self._is_stopped = True

    def ask_for_reload(self) -> None:
        """May be called from a signal handler or another thread."""
        self._wants_reload = True

    def run(self, source: Source) -> str | None:
        """`reason`, when every answer was shown."""
        for reading in self.readings(source):
            self._output.show(reading)
        return self.reason

    def readings(self, source: Source) -> Generator[Reading, None, None]:
        """The answers as they come. The source is closed when the iterator is, or has ended."""
        with Reader(source, self._prepare) as reader:
            while not self._is_stopped and self._number + self._no_numbers != self._frames:
                self._output.tick()
                if self._wants_reload:
                    self._load(reader)
                ready, state = reader.take(LOOK_S), reader.state
                if state.is_opened and not state.has_ended:  # an end is no loss
                    self._tell(source, state)
                if ready is not None:
                    reading = self._answer(ready, state)
                    if reading is not None:
                        yield reading
                elif state.has_ended:
                    self.reason = state.error or self._only_failure()
                    return
        self.reason = self._only_failure()

    def _only_failure(self) -> str | None:
        return None if self._broken is None or self._number else str(self._broken)

    def _prepare(self, frame: Frame) -> Prepared:
        """In the reader's thread."""
        start = perf_counter()
        classifier, tensor_of = self._model
        tensor = tensor_of(frame.image, frame.color)
        return Prepared(frame, tensor, classifier, 1e3 * (perf_counter() - start))

    def _answer(self, ready: Prepared, state: SourceState) -> Reading | None:
        if ready.classifier is not self._answering:  # frames of the model before may have waited
            self._smoother.forget()
            self._answering, self._broken = ready.classifier, None
        start = perf_counter()
        ready.classifier.invoke(ready.tensor)
        invoked = perf_counter()
        if (answered := self._scores(ready.classifier)) is None:
            return None
        scores, shown = self._smoother.smooth(answered)
        top = tuple(ready.classifier.top(scores, self._top_k))
        labels = ready.classifier.card.labels
        assert labels is not None
        label = UNKNOWN if shown is None else labels[shown]
        ms = {"preprocess": ready.took_ms, "invoke": 1e3 * (invoked - start)}
        ms |= {"postprocess": 1e3 * (perf_counter() - invoked), "frame": ready.frame.age_ms}
        self._number += 1
        reading = Reading(
            number=self._number,
            frame=ready.frame,
            time=time() - ms["frame"] / 1e3,
            scores=scores,
            top=top,
            label=label,
            score=top[0].score if shown is None else float(scores[shown]),
            changed=label != self._label,
            ms=ms,
            dropped=state.dropped + self._no_numbers,
            rate=self._rate(),
            unusable=state.unusable,
        )
        self._label = label
        return reading

    def _scores(self, classifier: Classifier) -> Scores | None:
        """None where they are no numbers: the frame counts as dropped. Said once, until another model answers."""
        try:
            return classifier.scores()
        except NotFiniteError as error:
            if self._broken is None:
                command.say(f"note: {error}; frames with such scores are not answered, and count as dropped")
            self._broken = error
            self._no_numbers += 1
            return None

    def _rate(self) -> float:
        """Answers a second, over the last RATE_S; 0 before the second one."""
        now = monotonic()
        self._times.append(now)
        while now - self._times[0] > RATE_S:
            self._times.popleft()
        span = now - self._times[0]
        return (len(self._times) - 1) / span if span else 0.0

    def _tell(self, source: Source, state: SourceState) -> None:
        """The output hears of changes of the source's state. A gap makes what was before it old."""
        classifier = self._model[0]
        status = Status(
            source=source.name,
            is_streaming=state.is_streaming,
            message=state.message,
            lost=state.lost,
            model=classifier.path.name,
            threads=classifier.threads,
            unusable=state.unusable,
        )
        if status == self._status:
            return
        if not status.is_streaming:
            self._smoother.forget()
        self._status = status
        self._output.status(status)

    def _load(self, reader: Reader[Prepared]) -> None:
        """The model anew, where it is good; meanwhile the loop doesn't come round."""
        self._wants_reload = False
        if self._reload is None:
            return
        self._output.reloading()
        try:
            classifier = self._reload()
        except (UserError, OSError) as error:
            command.say(f"error: {error}; the model that was loaded goes on")
            return
        finally:
            self._output.ready()
        if classifier.size != self._model[0].size:
            reader.fit(classifier.size)
        self._model = classifier, classifier.preprocessor.stream()
        self._output.model_changed(classifier.card)
        command.say(f"{classifier.path}: loaded anew")
