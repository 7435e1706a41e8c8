"""How good a file is beside float32, on validation images, and how fast beside the plain file."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from device.data.folders import Labeled
from device.errors import UserError
from device.evaluation import evaluate
from device.evaluation.paired import Paired
from device.inference import runtime, timing
from device.inference.timing import Latency
from device.model.card import Card
from export.card import cards

# Of a comparison of two files' latency: seconds, and of a block.
SECONDS, BLOCK_S = 1.0, 0.02


class Judge:
    """images: neither calibration nor test; where their label isn't known (-1), float32's answer counts as right.

    card: the network's. scratch: a folder. seconds: of timing, for each file.
    """

    def __init__(self, float32: bytes, images: Labeled, card: Card, scratch: Path, seconds: float = SECONDS) -> None:
        self._images, self._card, self._scratch, self._seconds = images, card, scratch, seconds
        answers = self._answers(float32, "float32")
        self._targets = np.where(images.targets < 0, answers, images.targets)
        self.float32_right = answers == self._targets

    def paired(self, made: bytes) -> Paired:
        """What the bare int8 file loses to float32: everything, where the interpreter can't load it."""
        try:
            right = self._answers(made, "int8") == self._targets
        except UserError:
            right = np.zeros_like(self.float32_right)
        return Paired.of(self.float32_right, right)

    def _answers(self, bare: bytes, variant: str) -> npt.NDArray[np.int64]:
        path = self._scratch / f"judged_{variant}.tflite"
        path.write_bytes(cards.assembled(bare, replace(self._card, variant=variant), {}))
        return np.asarray(evaluate.score_images(path, self._images).argmax(axis=1))

    def latency(self, made: bytes, first: bytes) -> Latency | None:
        """Of the bare file on one thread, to the first one's; None where it can't be loaded."""
        litert = runtime.find("litert")
        interpreters = []
        for name, content in (("first", first), ("made", made)):
            path = self._scratch / f"timed_{name}.tflite"
            path.write_bytes(content)
            try:
                interpreters.append(litert.open(path, 1))
            except UserError:
                return None
            timing.feed(interpreters[-1])
        return timing.beside_first(interpreters, self._seconds, BLOCK_S)[1]
