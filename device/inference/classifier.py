"""A model file as a classifier: an image in, a prediction out.

    classifier = Classifier("doors_int8.tflite", threads=2)
    prediction = classifier("door.jpg")
    print(prediction.label, prediction.score)

A Classifier has one interpreter, so calls from several threads wait for one another. The interpreter releases Python's
lock while it computes, so several Classifiers in several threads use several cores, as `Classifier.map` does.
"""

from collections.abc import Callable, Iterable, Iterator
from copy import copy
from dataclasses import replace
from functools import partial
from math import isfinite
from os import PathLike
from pathlib import Path
from threading import Lock
from time import perf_counter

import numpy as np

from device import text
from device.errors import UserError
from device.host import system
from device.images.images import Pixels
from device.inference import model_spec, ordered, runtime, tensors
from device.inference.image_input import Image, to_rgb
from device.inference.ordered import Item, Result
from device.inference.overrides import NO_OVERRIDES, Overrides
from device.inference.prediction import Prediction, Ranked, Scores, ranked
from device.inference.preprocess import Color, Fed, Preprocessor
from device.labels import labels as label_lists
from device.model import confidence, model_kinds


class NotFiniteError(UserError):
    """The scores are not finite numbers, so there is no label. The next image's may be finite."""


class Classifier:
    """Loads a model file, and checks it against its card or the user's overrides before the first image.

    `notes` says where labels, scaling and other properties of a third-party file were taken from.

    Args:
        path: a .tflite file.
        overrides: for a file without a card, what it doesn't say itself: labels, scaling, fit, kind of output, size.
        threads: of the interpreter, for one image.
        runtime_name: litert, tflite-runtime or tensorflow; by default the first that can be imported.
        labels: False accepts a file without labels; its predictions have scores alone.
        held: reads the file into memory, so that overwriting it changes nothing.

    Raises:
        UserError: the file is no image classifier, its card doesn't fit its network, or the labels or the scaling of a
            third-party file are unknown; with `held` also a file that is overwritten while it is read.
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
        if not isinstance(overrides, Overrides):
            raise UserError(f"overrides is {overrides!r:.60}, expected Overrides, such as Overrides(labels=FILE)")
        self._again = partial(Classifier, path, overrides, threads, runtime_name, labels, held)
        self.path = path = Path(path)
        self.threads = threads
        self.runtime = runtime.find(runtime_name)
        content = _whole(path) if held else None
        self.interpreter = self.runtime.open(path, threads, overrides.size, content)
        self.input, self.output = tensors.of(self.interpreter, path)
        self.card, self.notes = model_spec.resolve(path, self.input, self.output, overrides)
        if labels and self.card.labels is None:
            raise UserError(label_lists.missing(path))
        if content is not None and content != path.read_bytes():
            raise UserError(f"{path}: the model file changed while it was read; load it again when it is whole")
        self.preprocessor = Preprocessor(self.card.input, self.input)
        self._temperature = self.card.confidence.temperature
        self._lock = Lock()

    @property
    def size(self) -> tuple[int, int]:
        """(height, width) of the network's input, in pixels."""
        return self.preprocessor.size

    def fed_by(self, preprocessor: Preprocessor) -> "Classifier":
        """A Classifier with the same interpreter and another Preprocessor."""
        other = copy(self)
        other.preprocessor = preprocessor
        other.card = replace(self.card, input=preprocessor.spec)
        return other

    def invoke(self, tensor: Fed) -> None:
        """Runs the network; `scores` then has the result. For one thread. UserError if it fails."""
        self.interpreter.set_tensor(self.input.index, tensor)
        try:
            self.interpreter.invoke()
        except RuntimeError as error:
            raise UserError(f"{self.path}: the model failed half way: {text.one_line(error)}") from None

    def scores(self) -> Scores:
        """The scores of the last `invoke`, [labels]: probabilities, or raw numbers where the output is logits.

        The card's temperature, if any, is applied: these are for people. NotFiniteError if one is no finite number,
        because the first label would then look like a prediction.
        """
        scores = self.raw_scores()
        if self.output.dtype == np.float32 and not isfinite(float(scores.sum())):
            self._refuse_not_finite(scores)
        if self._temperature is None:
            return scores
        return confidence.tempered(scores, self.card.output.kind, self._temperature, self.output.scale)

    def _refuse_not_finite(self, scores: Scores) -> None:
        """Large scores alone may have a sum that isn't finite; a score that isn't belongs to no label."""
        if count := int((~np.isfinite(scores)).sum()):
            raise NotFiniteError(
                f"{self.path}: its scores are not finite numbers ({count} of {scores.size}); the network is broken,"
                " or its conversion was: convert it again"
            )

    def raw_scores(self) -> Scores:
        """The scores of the last `invoke` as the network gave them, without the card's temperature."""
        raw = self.interpreter.get_tensor(self.output.index).reshape(-1)
        numbers: Scores = raw.astype(np.float32)
        if raw.dtype != np.float32:
            numbers = (numbers - np.float32(self.output.zero_point)) * np.float32(self.output.scale)
        if self.card.output.kind == "sigmoid" and numbers.size == 1:
            return np.array([1 - numbers[0], numbers[0]], np.float32)
        return numbers

    def __call__(self, image: Image, color: Color = "RGB") -> Prediction:
        """The prediction for one image: a path, encoded bytes, a PIL image, or uint8 pixels [height, width, 3].

        color: the order of the channels of pixels; OpenCV's frames are BGR. ImageError for anything else.
        """
        start = perf_counter()
        pixels = to_rgb(image, color)
        return self._predict(pixels, {"decode": 1e3 * (perf_counter() - start)})

    def map(self, images: Iterable[Image], color: Color = "RGB") -> Iterator[Prediction]:
        """Yields the predictions of many images, in order and on demand, with all cores and the memory of a few.

        The error of an image that can't be classified is raised in its place, and ends the iteration. Each core has a
        Classifier of its own; this one may be called meanwhile.
        """
        if isinstance(images, (str, bytes, PathLike)):
            raise UserError(f"images is {images!r:.60}, expected several; give a list, or Path(FOLDER).rglob('*.jpg')")
        return self.in_order(lambda own, image: own(image, color), images)

    def in_order(self, work: Callable[["Classifier", Item], Result], items: Iterable[Item]) -> Iterator[Result]:
        """work(classifier, item) for every item, as ordered.in_order; this Classifier serves one of the threads."""
        first = [self]

        def make() -> Classifier:
            try:
                return first.pop()  # of several threads that ask at once, one gets it
            except IndexError:
                return self._again()

        return ordered.in_order(work, items, make, max(1, system.usable_cores() // self.threads))

    def classify(self, image: Pixels) -> Prediction:
        """The prediction for one RGB image, uint8 [height, width, 3], of any size."""
        return self._predict(image, {})

    def _predict(self, image: Pixels, timings: dict[str, float]) -> Prediction:
        """Adds the time of each stage to `timings`, in milliseconds."""
        with self._lock:
            start = perf_counter()
            tensor = self.preprocessor(image)
            preprocessed = perf_counter()
            self.invoke(tensor)
            invoked = perf_counter()
            scores = self.scores()
            end = perf_counter()
        timings["preprocess"] = 1e3 * (preprocessed - start)
        timings["invoke"] = 1e3 * (invoked - preprocessed)
        timings["postprocess"] = 1e3 * (end - invoked)
        return Prediction(scores, self.card.labels or (), self.card.confidence.unknown_below, timings)

    def top(self, scores: Scores, count: int) -> list[Ranked]:
        """The `count` best labels, best first; equal scores in output order."""
        labels = self.card.labels
        assert labels is not None
        return ranked(scores, labels, count)


def _whole(path: Path) -> bytes:
    """The bytes of a model file; UserError for another kind of file, before a large one is read."""
    model_kinds.require_tflite(path)
    return path.read_bytes()
