"""What every variant of an export is compared with: the bare float32 network, and the source's own scores."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from device import command
from device.data.folders import Labeled
from device.errors import UserError
from device.evaluation import evaluate
from device.model import card
from export.card import cards
from export.conversion import convert, fixed_size, pixels
from export.source.sources import ExportSource

Scores = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Reference:
    """What every variant is compared with: scores by Keras (or by the float file itself) on the images at hand."""

    kind: str  # "keras" or "float32"
    images: Labeled
    labeled: bool
    scores: Scores
    unseen: Scores | None = None  # by heads that haven't seen the images, where the network has


def of(source: ExportSource, scratch: Path) -> tuple[bytes, Reference]:
    """The bare float32 model, which takes what the cards will say, and the reference's scores."""
    labeled = source.test is not None
    test = source.test or Labeled(
        source.labels,
        source.calibration.images,
        np.zeros(len(source.calibration.images), np.int64),
        "calibration",
        0,
    )
    if source.is_keras:
        command.say("float32: converting with TensorFlow …")
        assert isinstance(test.sources, np.ndarray)
        model, scores = convert.convert(source.model, test.sources, source.input.mean, source.input.std)
        taken = pixels.taken(model, source.input)
        return taken, Reference("keras", test, labeled, scores, _unseen(source, taken, test, scratch))
    bare = fixed_size.fix(card.network_bytes(source.model), (source.input.height, source.input.width))
    path = scratch / "reference.tflite"
    path.write_bytes(cards.assembled(bare, replace(cards.of(source, "float32"), input=source.input), {}))
    try:
        scores = evaluate.score_images(path, test)
    except UserError as error:
        reason = str(error).removeprefix(f"{path}: ")
        raise UserError(f"{source.model}: its float32 .tflite is not sound: {reason}") from None
    return pixels.taken(bare, source.input), Reference("float32", test, labeled, scores)


def _unseen(source: ExportSource, float32: bytes, test: Labeled, scratch: Path) -> Scores | None:
    """What the variants' cross-validated scores are compared with: those of the float32 file."""
    if source.unseen is None:
        return None
    path = scratch / "reference.tflite"
    path.write_bytes(cards.assembled(float32, cards.of(source, "float32"), {}))
    return source.unseen.scores(path, test)
