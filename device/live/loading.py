"""Loads the model of a live classifier, at the start and after it was replaced."""

from collections.abc import Callable
from pathlib import Path

from device.errors import UserError
from device.inference import golden, runtime
from device.inference.classifier import Classifier
from device.inference.overrides import Overrides
from device.live import threads

# The default model.
MODEL = Path(__file__).parents[1] / "models/cifar10_int8.tflite"


def load(
    path: Path, overrides: Overrides, runtime_name: str | None, count: int | None, before: int | None = None
) -> Classifier:
    """count: of threads; None: the fastest number here. before: the threads of the model in use, kept for a new one
    without a trial, which would take a second."""
    if count is None and path.is_file():
        found = runtime.find(runtime_name)
        if before is None:
            count = threads.best(path, found, overrides.size)
        else:
            count = threads.kept(path, found, overrides.size) or before
    return Classifier(path, overrides, count or 1, runtime_name, held=True)


def checked(classifier: Classifier, beat: Callable[[], None]) -> Classifier:
    """Returns a replaced model if its golden images pass, and calls `beat` meanwhile; else UserError."""
    found = golden.replay(classifier, beat)
    if not found.images:
        raise UserError(
            f"{classifier.path}: it has no golden images to check it with, expected some; restart to use it anyway"
        )
    if not found.passed:
        raise UserError(f"{classifier.path}: its golden images give other predictions than at export; copy it again")
    return classifier


def threshold(asked: float | None, classifier: Classifier) -> float | None:
    """The requested threshold, else the card's."""
    return classifier.card.confidence.unknown_below if asked is None else asked
