"""Anyone's model as an export's source: a float .tflite, or a Keras model or SavedModel, which is converted first.

What the file doesn't say itself, the user does: labels, scaling, images. A Teachable Machine project says it all but
for the images.
"""

import hashlib
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from device import command
from device.data.folders import Labeled
from device.errors import UserError
from device.evaluation.scaling_choice import ScalingChoice
from device.inference import model_spec, runtime, tensors
from device.inference.overrides import Overrides
from device.inference.tensors import Tensor
from device.labels import labels as label_lists
from device.model import card as cards
from device.model import channels, model_kinds
from device.model.card import Card
from export.conversion import convert, fixed_size, objects
from export.source import image_folders, scaling, unknown_images
from export.source.held_out import HeldOut, most
from export.source.request import ExportRequest
from export.source.sources import ExportSource

# Teachable Machine's own scripts feed the network (pixel / 127.5) - 1.
PROJECT_SCALING = "-1..1"


def source(request: ExportRequest) -> ExportSource:
    """UserError when the model, its labels or its images can't be had."""
    if request.calibration is None:
        raise UserError(
            f"{request.model}: a model without a run needs --calibration DIR: images like those it will see, none of"
            " the test's"
        )
    asked = _with_labels_beside(_of_project(request))
    path = asked.model
    # What takes less time is looked at first: a .tflite itself, or the images before a model is converted.
    files = None if model_kinds.is_tflite(path) else image_folders.files(asked)
    card, chosen, converted = _network(asked)
    if card.labels is None:
        raise UserError(label_lists.missing(path))
    choice, used, left = image_folders.calibration(asked, files or image_folders.files(asked), card.input)
    test = image_folders.test(asked, card.labels, used)
    validation = HeldOut(image_folders.with_labels(image_folders.without(left, test), card.labels))
    labeled = validation.at(np.flatnonzero(validation.images.targets >= 0))
    # A project is known by its folder: its model is called as everybody's.
    name = model_kinds.name(path if path == request.model else request.model.resolve()).removesuffix("_float32")
    digest = _sha256(path)
    return ExportSource(
        name=name,
        recipe=None,
        labels=card.labels,
        input=card.input,
        output=card.output,
        folder=asked.run or Path("runs") / name,
        model=path,
        model_sha256=digest,
        calibration=choice,
        test=test,
        unseen=None,
        provenance={"run": None, "source_sha256": digest},
        validation=validation,
        more=Labeled(card.labels, (), np.zeros(0, np.int64), choice.split, 0),
        held_out=labeled.drawn(most(card.input), request.seed),
        unknown=unknown_images.of(request, used),
        scaling=chosen,
        converted=converted,
    )


def _of_project(request: ExportRequest) -> ExportRequest:
    """Of a Teachable Machine project (its folder, or the model in it) the model, fed as that feeds it."""
    path, overrides = request.model, request.overrides
    model = model_kinds.of_project(path if path.is_dir() else path.parent)
    if model is None or path not in (model, model.parent):
        return request
    if overrides.mean is None and overrides.std is None and overrides.scaling is None:
        overrides = replace(overrides, scaling=PROJECT_SCALING)
        command.say(f"note: {path}: a Teachable Machine project; pixels are scaled to -1..1 (--scaling says otherwise)")
    return replace(request, model=model, overrides=overrides)


def _with_labels_beside(request: ExportRequest) -> ExportRequest:
    """labels.txt beside the model, where neither the user nor the file itself has any."""
    path, beside = request.model, request.model.parent / cards.LABELS
    is_tflite = model_kinds.is_tflite(path)
    if request.overrides.labels is not None or (is_tflite and (cards.read(path) or label_lists.in_archive(path))):
        return request
    if beside.is_file():
        command.say(f"note: {path}: labels from {beside} (--labels FILE takes others)")
        return replace(request, overrides=replace(request.overrides, labels=beside))
    if not is_tflite:  # before it is converted
        raise UserError(f"{path}: a Keras model carries no labels; give --labels FILE, a label a line in output order")
    return request


def _network(request: ExportRequest) -> tuple[Card, ScalingChoice | None, bytes | None]:
    """What the network is to be fed and what its outputs are; the scaling that labeled images chose; and its .tflite,
    where it had to be converted.
    """
    path = request.model
    if model_kinds.is_tflite(path):
        return *_card(request, path), None
    command.say("float32: converting with TensorFlow …")
    with tempfile.TemporaryDirectory(prefix="framelite-") as scratch:
        tflite = Path(scratch) / "float32.tflite"
        tflite.write_bytes(convert.to_tflite(path))
        card, chosen = _card(request, tflite)
        return card, chosen, fixed_size.fix(tflite.read_bytes(), (card.input.height, card.input.width))


def _card(request: ExportRequest, tflite: Path) -> tuple[Card, ScalingChoice | None]:
    """Made of the network and of what the user says. Messages name the model that was given."""
    try:
        interpreter = runtime.find("litert").open(tflite, 1, request.overrides.size)
        objects.of_file(tflite)
        entry, scores = tensors.of(interpreter, tflite)
        _require_float(tflite, entry, interpreter)
        overrides, chosen = _with_scaling(request, tflite, entry, scores)
        card, notes = model_spec.resolve(tflite, entry, scores, overrides)
    except UserError as error:
        raise type(error)(str(error).replace(str(tflite), str(request.model))) from None
    for note in notes:
        command.say(f"note: {note.replace(str(tflite), str(request.model))}")
    return card, chosen


def _with_scaling(
    request: ExportRequest, tflite: Path, entry: Tensor, scores: Tensor
) -> tuple[Overrides, ScalingChoice | None]:
    """Where labeled images are to choose the scaling, with the one that they speak for."""
    overrides = request.overrides
    if overrides.scaling != channels.AUTO:
        return overrides, None
    # Labels don't depend on the scaling.
    card, _ = model_spec.resolve(tflite, entry, scores, replace(overrides, scaling="0..255"))
    if card.labels is None:
        raise UserError(label_lists.missing(tflite))
    images = image_folders.labeled_calibration(request, card.labels)
    float32 = fixed_size.fix(cards.network_bytes(tflite), (card.input.height, card.input.width))
    chosen = scaling.choose(float32, images, overrides.fit, overrides.output)
    command.say(f"note: {scaling.line(chosen)}")
    return replace(overrides, scaling=chosen.scaling), chosen


def _require_float(path: Path, entry: Tensor, interpreter: Any) -> None:
    small = (np.int8, np.uint8, np.float16)
    quantized = [t["name"] for t in interpreter.get_tensor_details() if t["dtype"] in small]
    if entry.dtype != np.float32 or quantized:
        raise UserError(
            f"{path}: the network is quantized already, expected a float32 one; give the file that it was made from"
        )


def _sha256(path: Path) -> str:
    """Of a file; of a folder with what its files are called."""
    if path.is_file():
        return hashlib.sha256(path.read_bytes()).hexdigest()
    digest = hashlib.sha256()
    for file in sorted(file for file in path.rglob("*") if file.is_file()):
        digest.update(f"{file.relative_to(path)}\n{_sha256(file)}\n".encode(errors="surrogateescape"))
    return digest.hexdigest()
