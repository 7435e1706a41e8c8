"""`device live`: a camera's frames through one model, and everything that is told of the answers."""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from device import command, golden, runtime
from device.classifier import Classifier
from device.contract import Hints
from device.errors import UserError
from device.live import on_label, sources, threads
from device.live.loop import Loop
from device.live.outputs import Outputs, Wanted
from device.live.smoothing import Smoother
from device.live.sources import Wishes

# What answers when no model is named.
MODEL = Path(__file__).parents[1] / "models/cifar10_int8.tflite"


@dataclass(frozen=True)
class Request:
    """What the command line asks for. threads None: what is fastest here. frames None: as many as there are."""

    model: Path | None
    source: str = field(repr=False)  # may hold a password
    hints: Hints
    runtime: str | None = None
    threads: int | None = None
    top_k: int = 5
    smooth: int = 1
    threshold: float | None = None
    capture: tuple[int, int] | None = None
    reduced: bool = False
    loop: bool = False
    realtime: bool = False
    stall_if_still: float | None = None  # seconds
    frames: int | None = None
    outputs: Wanted = field(default_factory=Wanted)


def run(request: Request) -> int:
    """Answers until the source ends, q is pressed, or a signal comes: SIGTERM ends it well, Ctrl-C with 130."""
    classifier = _load(request)
    for note in classifier.notes:
        command.say(f"note: {note}")
    wishes = Wishes(
        classifier.size, request.capture, request.reduced, request.loop, request.realtime, request.stall_if_still
    )
    source = sources.find(request.source, wishes)
    smoother = Smoother(request.smooth, _threshold(request, classifier))
    with Outputs() as outputs:

        def reload() -> Classifier:
            outputs.systemd.reloading()
            try:
                # Meanwhile the loop doesn't come round, which signs the watchdog.
                new = _checked(_load(request, classifier.threads), outputs.systemd.alive)
                on_label.check_labels(request.outputs.on_label, new.card.labels or ())
            finally:
                outputs.systemd.ready()
            smoother.threshold = _threshold(request, new)
            if outputs.page:
                outputs.page.show_card(new.card)
            return new

        loop = Loop(classifier, smoother, outputs, reload, request.top_k, request.frames, outputs.look, outputs.failing)
        with _signals(loop):
            outputs.open(request.outputs, classifier.card, loop.stop)
            outputs.systemd.ready()
            error = loop.run(source)
    if error:
        raise UserError(error)
    return command.GOOD


def _load(request: Request, threads_before: int | None = None) -> Classifier:
    """threads_before: of the model that answers meanwhile, kept for one that wasn't tried: a trial takes a second."""
    path = request.model or MODEL
    count = request.threads
    if count is None and path.is_file():
        found, size = runtime.find(request.runtime), request.hints.size
        if threads_before is None:
            count = threads.best(path, found, size)
        else:
            count = threads.kept(path, found, size) or threads_before
    return Classifier(path, request.hints, count or 1, request.runtime, held=True)


def _threshold(request: Request, classifier: Classifier) -> float | None:
    return classifier.card.confidence.unknown_below if request.threshold is None else request.threshold


def _checked(classifier: Classifier, beat: Callable[[], None]) -> Classifier:
    """A model that was replaced on the disk, when it answers its golden pictures as it should; `beat` meanwhile."""
    found = golden.replay(classifier, beat)
    if not found.pictures:
        raise UserError(
            f"{classifier.path} has no golden pictures that would show that it is sound; start anew to use it"
        )
    if not found.passed:
        raise UserError(f"{classifier.path}: its golden pictures are not answered as they were at export")
    return classifier


@contextmanager
def _signals(loop: Loop) -> Iterator[None]:
    """SIGTERM stops the loop, SIGHUP loads the model anew. What was set before is set again."""

    def stop(number: int, frame: Any) -> None:
        loop.stop()

    def reload(number: int, frame: Any) -> None:
        loop.ask_for_reload()

    wanted = {signal.SIGTERM: stop}
    if hasattr(signal, "SIGHUP"):
        wanted[signal.SIGHUP] = reload
    before = {number: signal.signal(number, handler) for number, handler in wanted.items()}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
