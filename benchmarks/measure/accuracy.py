"""A model file's accuracy on labeled images, with device's own image path."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from benchmarks import progress
from benchmarks.documents import results
from benchmarks.documents.models import Model
from benchmarks.documents.rows import AccuracyRow, FailedRow
from device import command, places
from device.data import folders
from device.data.folders import Labeled
from device.errors import UserError
from device.evaluation import by_label, evaluate
from device.inference.classifier import Classifier
from device.inference.overrides import NO_OVERRIDES, Overrides
from device.model import model_data


@dataclass(frozen=True)
class ModelScores:
    """A model's scores (n x labels) for labeled images. data: their name. labels: the model's."""

    scores: npt.NDArray[np.float32]
    images: Labeled
    data: str
    runtime: str

    @property
    def labels(self) -> tuple[str, ...]:
        return self.images.labels

    def right(self) -> dict[str, bool]:
        """Whether each prediction is right, by the image's content hash: folders move, and file names repeat."""
        hits = self.scores.argmax(axis=1) == self.images.targets
        return {self.images.hash_of(i): bool(hit) for i, hit in enumerate(hits)}


@dataclass(frozen=True)
class MeasuredAccuracies:
    """One row per model, in order. interrupted: by Ctrl-C."""

    rows: tuple[AccuracyRow | FailedRow, ...]
    interrupted: bool


def score(model: Model, data: str | None, overrides: Overrides, threads: int, runtime: str | None) -> ModelScores:
    """data: a data set by name, or a folder; None: the data that the model was trained on."""
    classifier = Classifier(model.path, NO_OVERRIDES if model.card else overrides, threads, runtime)
    for note in classifier.notes:
        command.say(f"note: {note}")
    known = model_data.of(classifier.card)
    name = data or known.name
    if not name:
        raise UserError(f"{model.path}: the file has no record of its training data; give --data NAME|DIR")
    # Without --data only by name: a folder that happens to have the name is not the training data.
    images = folders.labeled(name, known) if data else folders.labeled_cache(name, known)
    is_folder = data is not None and places.is_folder(data)
    elsewhere = [each for each in (known.fingerprint if is_folder else None, *known.earlier) if each]
    if not all(map(folders.training_hashes, elsewhere)):
        command.say(
            f"note: {model.path}: its training images, or those of a network before it, are not in the cache here, so"
            f" any of them in {name} count too"
        )
    with progress.bar(len(images), model.path.name, " images") as advance:
        scores = evaluate.score_images(
            model.path, images, NO_OVERRIDES if model.card else overrides, threads, runtime, advance
        )
    called = Path(name).resolve().name if is_folder else name
    return ModelScores(scores, images, called, classifier.runtime.name)


def measure(model: Model, data: str | None, overrides: Overrides, threads: int, runtime: str | None) -> AccuracyRow:
    """UserError if the model or the data can't be used."""
    got = score(model, data, overrides, threads, runtime)
    measured = evaluate.accuracy(got.scores, got.images.targets)
    classes = evaluate.per_class(got.scores, got.images.targets, got.labels)
    return AccuracyRow(
        **vars(model.named()),
        **vars(measured),
        left_out=got.images.left_out,
        data=got.data,
        split=got.images.split,
        runtime=got.runtime,
        balanced=evaluate.balanced(classes),
        worst_label=by_label.worst(classes),
        per_class=classes,
    )


def measure_all(
    models: Sequence[Model], data: str | None, overrides: Overrides, threads: int, runtime: str | None
) -> MeasuredAccuracies:
    """One row per model. A failed one has "error" and no figures; UserError if all fail.

    After Ctrl-C, returns those that were measured, if any.
    """
    rows: list[AccuracyRow | FailedRow] = []
    failures = []
    try:
        for model in models:
            try:
                rows.append(measure(model, data, overrides, threads, runtime))
            except UserError as error:
                failures.append(error)
                rows.append(FailedRow(**vars(model.named()), error=str(error).removeprefix(f"{model.path}: ")))
    except KeyboardInterrupt:
        if len(rows) == len(failures):
            raise
        rest = [FailedRow(**vars(model.named()), error=results.NOT_YET) for model in models[len(rows) :]]
        return MeasuredAccuracies((*rows, *rest), True)
    if len(failures) == len(models):
        raise failures[0]
    return MeasuredAccuracies(tuple(rows), False)
