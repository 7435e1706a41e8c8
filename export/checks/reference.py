"""The reference of an export: the bare float32 network, and the source's own scores."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from device import command
from device.data.folders import Labeled
from device.errors import UserError
from device.evaluation import evaluate
from device.images import images
from device.model import card, channels
from device.model.card import InputSpec
from export.card import cards
from export.conversion import convert, fixed_size, pixels
from export.source.sources import ExportSource
from export.source.unseen import scores_by

Scores = npt.NDArray[np.float32]

# How far rounding takes probabilities beyond 0..1, and a sum of them away from 1.
SLACK, SUM_SLACK = 0.01, 0.05


@dataclass(frozen=True)
class Reference:
    """The scores of Keras (or of the float file itself) that every variant is compared with, and their images."""

    kind: str  # "keras", "tensorflow" of a SavedModel, or "float32"
    images: Labeled
    labeled: bool
    scores: Scores
    unseen: Scores | None = None  # by heads that haven't seen the images, where the network has


def of(source: ExportSource, scratch: Path) -> tuple[bytes, Reference]:
    """(the bare float32 model, whose input is as the cards will say; the reference). UserError for scores that are no
    probabilities, if they should be.
    """
    bare, found = _of(source, scratch)
    _check_probabilities(source, found.scores)
    return bare, found


def _check_probabilities(source: ExportSource, scores: Scores) -> None:
    if source.output.kind != "softmax" or not np.isfinite(scores).all():  # what is not finite is refused as such
        return
    low, high = float(scores.min()), float(scores.max())
    if low < -SLACK or high > 1 + SLACK:
        raise UserError(
            f"{source.model}: its scores go from {low:.3g} to {high:.3g}, expected probabilities; give --output logits,"
            " or end the network with a softmax"
        )
    if np.abs(scores.sum(axis=1) - 1).max() > SUM_SLACK:
        command.say(
            f"note: {source.model}: its scores don't add up to 1; if it has a sigmoid for each label, give --output"
            " sigmoid"
        )


def _of(source: ExportSource, scratch: Path) -> tuple[bytes, Reference]:
    labeled = source.test is not None
    test = source.test or Labeled(
        source.labels,
        source.calibration.images,
        np.zeros(len(source.calibration.images), np.int64),
        "calibration",
        0,
    )
    if source.is_keras:
        model, scores = _keras(source, test, scratch)
        taken = pixels.taken(model, source.input)
        kind = "tensorflow" if source.model.is_dir() else "keras"
        return taken, Reference(kind, test, labeled, scores, _unseen(source, taken, test, scratch))
    bare = fixed_size.fix(card.network_bytes(source.model), (source.input.height, source.input.width))
    path = scratch / "reference.tflite"
    path.write_bytes(cards.assembled(bare, replace(cards.of(source, "float32"), input=source.input), {}))
    try:
        scores = evaluate.score_images(path, test)
    except UserError as error:
        reason = str(error).removeprefix(f"{path}: ")
        raise UserError(
            f"{source.model}: its float32 .tflite is not sound: {reason}; expected scores that are numbers; convert the"
            " model anew, or train it again"
        ) from None
    return pixels.taken(bare, source.input), Reference("float32", test, labeled, scores)


def _keras(source: ExportSource, test: Labeled, scratch: Path) -> tuple[bytes, Scores]:
    """The float32 model, and the scores of Keras or of the SavedModel's own signature."""
    spec, seen = source.input, _at_size(test, source.input, scratch)
    mean, std = spec.mean, spec.std
    if spec.color == "BGR":  # mean and std are of red, green and blue all the same
        seen, mean, std = seen[..., ::-1], channels.each(mean)[::-1], channels.each(std)[::-1]
    if source.converted is None:
        command.say("float32: converting with TensorFlow …")
        return convert.convert(source.model, seen, mean, std)
    command.say(f"float32: asking the model itself about {len(seen)} images …")
    scores = convert.scores(source.model, seen, mean, std)
    if source.output.kind == "sigmoid" and scores.shape[1] == 1:  # as device gives them
        scores = np.concatenate([1 - scores, scores], axis=1)
    return source.converted, scores


def _at_size(test: Labeled, spec: InputSpec, scratch: Path) -> npt.NDArray[np.uint8]:
    """The images at the network's size. Reads files one by one, because all may be more than memory holds."""
    if isinstance(test.sources, np.ndarray):
        return test.sources
    path, size = scratch / "test.npy", (spec.height, spec.width)
    with path.open("wb") as file:
        header = {"descr": "|u1", "fortran_order": False, "shape": (len(test), *size, 3)}
        np.lib.format.write_array_header_1_0(file, header)
        for i in range(len(test)):
            file.write(images.preprocess(test.image(i), size, spec.fit).tobytes())
    mapped: npt.NDArray[np.uint8] = np.load(path, mmap_mode="r")
    return mapped


def _unseen(source: ExportSource, float32: bytes, test: Labeled, scratch: Path) -> Scores | None:
    """The float32 file's cross-validated scores, which those of the variants are compared with."""
    if source.unseen is None:
        return None
    path = scratch / "reference.tflite"
    path.write_bytes(cards.assembled(float32, cards.of(source, "float32"), {}))
    return scores_by(source.unseen, path, test)
