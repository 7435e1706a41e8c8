"""The model that a live classifier answers with, at the start and when it was replaced."""

from collections.abc import Callable
from pathlib import Path

from device.errors import UserError
from device.inference import golden, runtime
from device.inference.classifier import Classifier
from device.inference.model_spec import Overrides
from device.live import threads

# What answers when no model is named.
MODEL = Path(__file__).parents[1] / "models/cifar10_int8.tflite"


def load(
    path: Path, overrides: Overrides, runtime_name: str | None, count: int | None, before: int | None = None
) -> Classifier:
    """count: of threads; None: what is fastest here. before: of the model that answers meanwhile, kept for one that
    wasn't tried: a trial takes a second."""
    if count is None and path.is_file():
        found = runtime.find(runtime_name)
        if before is None:
            count = threads.best(path, found, overrides.size)
        else:
            count = threads.kept(path, found, overrides.size) or before
    return Classifier(path, overrides, count or 1, runtime_name, held=True)


def checked(classifier: Classifier, beat: Callable[[], None]) -> Classifier:
    """A model that was replaced on the disk, when it answers its golden images as it should; `beat` meanwhile."""
    found = golden.replay(classifier, beat)
    if not found.images:
        raise UserError(
            f"{classifier.path} has no golden images that would show that it is sound; start anew to use it"
        )
    if not found.passed:
        raise UserError(f"{classifier.path}: its golden images are not answered as they were at export")
    return classifier


def threshold(asked: float | None, classifier: Classifier) -> float | None:
    """What was asked for, else the card's."""
    return classifier.card.confidence.unknown_below if asked is None else asked
