"""A model file that answers: an image in, a prediction out.

    classifier = Classifier("doors_int8.tflite", threads=2)
    prediction = classifier("door.jpg")
    print(prediction.label, prediction.score)

One interpreter, built once; a Classifier belongs to one thread. The interpreter lets go of Python's lock while it
computes, so several Classifiers in several threads use several cores: `Classifier.map` does that.
"""

from collections.abc import Callable, Iterable, Iterator
from copy import copy
from dataclasses import replace
from functools import partial
from math import isfinite
from os import PathLike
from pathlib import Path
from time import perf_counter

import numpy as np

from device import text
from device.errors import UserError
from device.host import system
from device.images.images import Pixels
from device.inference import model_spec, ordered, runtime
from device.inference.image_input import Image, to_rgb
from device.inference.model_spec import NO_OVERRIDES, Overrides
from device.inference.ordered import Item, Result
from device.inference.prediction import Prediction, Ranked, Scores, ranked
from device.inference.preprocess import Color, Fed, Preprocessor
from device.labels import labels as label_lists
from device.model import confidence, model_kinds


class NotFiniteError(UserError):
    """Scores that are no numbers: no label is meant by them. The next image's may be some."""


class Classifier:
    """Loads a model file and checks it against its card, or against the user's overrides, before the first image.

    `notes` says what was taken from where. A Classifier belongs to one thread.

    Args:
        path: a .tflite file.
        overrides: of a file without a card what it doesn't say itself: labels, scaling, fit, kind of output, size.
        threads: of the interpreter, for one image.
        runtime_name: litert, tflite-runtime or tensorflow; by default the first that can be imported.
        labels: False for who needs scores alone: a file without labels is then no error.
        held: it goes on as it is when the file is overwritten, for the file's size in memory.

    Raises:
        UserError: a file that is no image classifier, a card that doesn't fit its network, a third-party file whose
            labels or scaling are not known; with `held` a file that is overwritten while it is read, whose card would
            be of one model and its network of another.
    """

    def __init__(
        self,
        path: str | PathLike[str],
        overrides: Overrides = NO_OVERRIDES,
        threads: int = 1,
        runtime_name: str | None = None,
        labels: bool = True,
        held: bool = False,
    ) -> None:
        self._again = partial(Classifier, path, overrides, threads, runtime_name, labels, held)
        self.path = path = Path(path)
        self.threads = threads
        self.runtime = runtime.find(runtime_name)
        content = _whole(path) if held else None
        self.interpreter = self.runtime.open(path, threads, overrides.size, content)
        self.input, self.output = model_spec.tensors(self.interpreter, path)
        self.card, self.notes = model_spec.resolve(path, self.input, self.output, overrides)
        if labels and self.card.labels is None:
            raise UserError(label_lists.missing(path))
        if content is not None and content != path.read_bytes():
            raise UserError(f"{path}: the model file changed while it was read; load it again when it is whole")
        self.preprocessor = Preprocessor(self.card.input, self.input)
        self._temperature = self.card.confidence.temperature

    @property
    def size(self) -> tuple[int, int]:
        """(height, width) that the network takes."""
        return self.preprocessor.size

    def fed_by(self, preprocessor: Preprocessor) -> "Classifier":
        """The same interpreter, in the same thread, fed otherwise."""
        other = copy(self)
        other.preprocessor = preprocessor
        other.card = replace(self.card, input=preprocessor.spec)
        return other

    def invoke(self, tensor: Fed) -> None:
        """UserError when the network itself fails."""
        self.interpreter.set_tensor(self.input.index, tensor)
        try:
            self.interpreter.invoke()
        except RuntimeError as error:
            raise UserError(f"{self.path}: the model failed half way: {text.one_line(error)}") from None

    def scores(self) -> Scores:
        """The last answer: probabilities where the output is softmax or sigmoid, raw numbers where it is logits.

        By the card's temperature, where it has one: what is shown to people. NotFiniteError where one is no finite
        number: the first label would look like an answer.
        """
        scores = self.raw_scores()
        if self.output.dtype == np.float32 and not isfinite(float(scores.sum())):
            self._refuse_not_finite(scores)
        if self._temperature is None:
            return scores
        return confidence.tempered(scores, self.card.output.kind, self._temperature, self.output.scale)

    def _refuse_not_finite(self, scores: Scores) -> None:
        """A sum that isn't finite may come of large numbers alone; a score that isn't is of no label."""
        if count := int((~np.isfinite(scores)).sum()):
            raise NotFiniteError(
                f"{self.path}: its scores are not finite numbers ({count} of {scores.size}); the network is broken,"
                " or its conversion was: convert it again"
            )

    def raw_scores(self) -> Scores:
        """The last answer as the network gave it, whatever the card says of confidence."""
        raw = self.interpreter.get_tensor(self.output.index).reshape(-1)
        numbers: Scores = raw.astype(np.float32)
        if raw.dtype != np.float32:
            numbers = (numbers - np.float32(self.output.zero_point)) * np.float32(self.output.scale)
        if self.card.output.kind == "sigmoid" and numbers.size == 1:
            return np.array([1 - numbers[0], numbers[0]], np.float32)
        return numbers

    def __call__(self, image: Image, color: Color = "RGB") -> Prediction:
        """The prediction for one image: a path, encoded bytes, a PIL image, or uint8 pixels [height, width, 3].

        color: the order of the channels of pixels; OpenCV's frames are BGR. ImageError for what is no such image.
        """
        start = perf_counter()
        pixels = to_rgb(image, color)
        decoded = perf_counter()
        found = self.classify(pixels)
        return replace(found, timings_ms={"decode": 1e3 * (decoded - start), **found.timings_ms})

    def map(self, images: Iterable[Image], color: Color = "RGB") -> Iterator[Prediction]:
        """Predictions of many images, in their order, as they are asked for: all cores, no more memory than for a few.

        The error of an image that can't be classified comes up in its place, and ends it.
        """
        return self.in_order(lambda own, image: own(image, color), images)

    def in_order(self, work: Callable[["Classifier", Item], Result], items: Iterable[Item]) -> Iterator[Result]:
        """work(classifier, item) for every item, as answers.in_order; this one serves one worker."""
        first = [self]

        def make() -> Classifier:
            try:
                return first.pop()  # of several threads that ask at once, one gets it
            except IndexError:
                return self._again()

        return ordered.in_order(work, items, make, max(1, system.usable_cores() // self.threads))

    def classify(self, image: Pixels) -> Prediction:
        """The prediction for one RGB image, uint8 [height, width, 3], of any size."""
        start = perf_counter()
        tensor = self.preprocessor(image)
        fed = perf_counter()
        self.invoke(tensor)
        invoked = perf_counter()
        scores = self.scores()
        stages = {"preprocess": fed - start, "invoke": invoked - fed, "postprocess": perf_counter() - invoked}
        timings = {stage: 1e3 * seconds for stage, seconds in stages.items()}
        return Prediction(scores, self.card.labels or (), self.card.confidence.unknown_below, timings)

    def top(self, scores: Scores, count: int) -> list[Ranked]:
        """The `count` best labels, best first; equal scores in output order."""
        labels = self.card.labels
        assert labels is not None
        return ranked(scores, labels, count)


def _whole(path: Path) -> bytes:
    """A model file's bytes; UserError says what it is instead, before a large one is read."""
    model_kinds.require_tflite(path)
    return path.read_bytes()
