"""`device live`: classifies a camera's frames with one model, and passes the results to outputs."""

import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from device import command
from device.errors import UserError
from device.inference.classifier import Classifier
from device.inference.overrides import Overrides
from device.live import loading, outputs, sources
from device.live.interfaces.output import OutputOptions, Surroundings
from device.live.loop import Loop
from device.live.outputs.outputs import Outputs
from device.live.smoothing import Smoother
from device.live.sources.options import SourceOptions


@dataclass(frozen=True)
class LiveRequest:
    """The options of the command line. threads: None: the fastest number here. frames: None: all."""

    model: Path | None
    source: SourceOptions
    overrides: Overrides
    runtime: str | None = None
    threads: int | None = None
    top_k: int = 5
    smooth: int = 1
    threshold: float | None = None
    frames: int | None = None
    outputs: Sequence[OutputOptions] = field(default=())

    def load(self, threads_before: int | None = None) -> Classifier:
        return loading.load(self.model or loading.MODEL, self.overrides, self.runtime, self.threads, threads_before)

    def check_labels(self, classifier: Classifier) -> None:
        for options in self.outputs:
            options.check_labels(classifier.card.labels or ())


def run(request: LiveRequest) -> int:
    """Runs until the source ends, q is pressed, or a signal comes: SIGTERM ends it with 0, Ctrl-C with 130."""
    classifier = request.load()
    for note in classifier.notes:
        command.say(f"note: {note}")
    source = request.source.source(classifier.size)
    request.check_labels(classifier)
    smoother = Smoother(request.smooth, loading.threshold(request.threshold, classifier))
    with Outputs() as output:

        def reload() -> Classifier:
            new = loading.checked(request.load(classifier.threads), output.tick)
            request.check_labels(new)
            smoother.threshold = loading.threshold(request.threshold, new)
            return new

        loop = Loop(classifier, smoother, output, reload, request.top_k, request.frames)
        with _signals(loop):
            output.open(request.outputs, _surroundings(request, classifier, loop))
            output.ready()
            error = loop.run(source)
    if error:
        raise UserError(error)
    return command.GOOD


def _surroundings(request: LiveRequest, classifier: Classifier, loop: Loop) -> Surroundings:
    return Surroundings(
        card=classifier.card,
        stop=loop.stop,
        stdout_is_used=any(options.uses_stdout for options in request.outputs),
        image_is_shown=any(options.shows_image for options in request.outputs),
        private=secret_variables(),
    )


def secret_variables() -> frozenset[str]:
    """The environment variables with secrets of sources and outputs."""
    of_outputs = (secret for kind in outputs.KINDS for secret in kind.secrets)
    return frozenset(secret.variable for secret in (sources.SECRET, *of_outputs))


@contextmanager
def _signals(loop: Loop) -> Iterator[None]:
    """SIGTERM stops the loop, SIGHUP reloads the model. Restores the previous handlers at the end."""

    def stop(number: int, frame: Any) -> None:
        loop.stop()

    def reload(number: int, frame: Any) -> None:
        loop.ask_for_reload()

    handlers = {signal.SIGTERM: stop}
    if hasattr(signal, "SIGHUP"):
        handlers[signal.SIGHUP] = reload
    before = {number: signal.signal(number, handler) for number, handler in handlers.items()}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
