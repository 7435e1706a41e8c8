"""A model file ready to be timed: invoke with seeded random input, which needs no card, and a whole frame."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

from device.errors import UserError
from device.inference import timing
from device.inference.runtime import Runtime

SEED = 1
FRAME_SIZE = (720, 1280)
TOP = 5


@dataclass(frozen=True)
class Workload:
    """One interpreter with a fixed input, and the times of loading and of the first invoke."""

    path: Path
    interpreter: Any
    load_ms: float
    first_ms: float

    def invoke(self) -> None:
        self.interpreter.invoke()


def load(path: Path, threads: int, runtime: Runtime, size: tuple[int, int] | None = None) -> Workload:
    """Random pixels in every input: 0..255 for float and uint8, all values for int8. UserError for another type.

    size: (height, width) for a network that leaves them open.
    """
    start = perf_counter()
    interpreter = runtime.open(path, threads, size)
    loaded = perf_counter()
    try:
        timing.feed(interpreter)
    except UserError as error:
        raise UserError(f"{path}: {error}") from None
    fed = perf_counter()
    try:
        interpreter.invoke()
    except (RuntimeError, ValueError) as error:
        raise UserError(f"{path}: {runtime.name} can't run the model: {str(error).splitlines()[0]}") from None
    return Workload(path, interpreter, 1e3 * (loaded - start), 1e3 * (perf_counter() - fed))


def frame_path(
    path: Path, threads: int, runtime: Runtime, size: tuple[int, int] | None = None
) -> Callable[[], None] | None:
    """Processes a camera frame of 1280x720 in memory to its top labels, as `device live` does.

    threads: for the network. OpenCV uses one thread from here on in the whole process, so that all cases of the process
    are alike. None for a file without preprocessing or labels.
    """
    import cv2

    from device.inference.classifier import Classifier
    from device.inference.overrides import Overrides

    try:
        classifier = Classifier(path, Overrides(size=size), threads, runtime.name)
    except UserError:
        return None
    tiles = np.random.default_rng(SEED).integers(0, 256, (9, 16, 3), np.uint8)
    image = tiles.repeat(FRAME_SIZE[0] // 9, axis=0).repeat(FRAME_SIZE[1] // 16, axis=1)
    tensor_of = classifier.preprocessor.stream()
    cv2.setNumThreads(1)

    def process() -> None:
        # Not classifier.invoke: the worker reports failures of the network in its own words.
        classifier.interpreter.set_tensor(classifier.input.index, tensor_of(image, "BGR"))
        classifier.interpreter.invoke()
        classifier.top(classifier.scores(), TOP)

    return process
