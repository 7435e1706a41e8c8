"""How often a model file is right, on labeled images, through device's own path."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from benchmarks import progress
from benchmarks.documents import results
from benchmarks.documents.models import Model
from benchmarks.documents.rows import AccuracyRow, FailedRow
from device import command
from device.data import folders
from device.data.folders import Labeled
from device.errors import UserError
from device.evaluation import by_label, evaluate
from device.inference.classifier import Classifier
from device.inference.model_spec import NO_OVERRIDES, Overrides


@dataclass(frozen=True)
class ModelScores:
    """A model's scores (n x labels) of labeled images; data: what they are called; labels: the model's."""

    scores: npt.NDArray[np.float32]
    images: Labeled
    data: str
    runtime: str

    @property
    def labels(self) -> tuple[str, ...]:
        return self.images.labels

    def right(self) -> dict[str, bool]:
        """Which images the model is right about, by the content hash of each: a folder may have moved, and other
        images may have its names.
        """
        hits = self.scores.argmax(axis=1) == self.images.targets
        return {self.images.hash_of(i): bool(hit) for i, hit in enumerate(hits)}


@dataclass(frozen=True)
class MeasuredAccuracies:
    """A row a model, in their order; interrupted: Ctrl-C came before the end."""

    rows: tuple[AccuracyRow | FailedRow, ...]
    interrupted: bool


def answers(model: Model, data: str | None, overrides: Overrides, threads: int, runtime: str | None) -> ModelScores:
    """data: a data set by name or a folder; None takes the data the model was trained on."""
    classifier = Classifier(model.path, NO_OVERRIDES if model.card else overrides, threads, runtime)
    card = classifier.card
    for note in classifier.notes:
        command.say(f"note: {note}")
    provenance = card.provenance or {}
    fingerprint = provenance.get("data_fingerprint")
    name = data or provenance.get("data")
    if not name:
        raise UserError(f"{model.path}: the file doesn't say what it was trained on; give --data NAME|DIR")
    assert card.labels is not None
    # Without --data by name alone: a folder that happens to be called like the data is not what was trained on.
    find = folders.labeled if data else folders.labeled_cache
    images = find(name, card.labels, classifier.size, card.input.fit, fingerprint)
    if fingerprint and data and Path(data).is_dir() and not folders.training_hashes(fingerprint):
        command.say(
            f"note: {model.path}: its training images are not in the cache here; those that are in {name} count too"
        )
    with progress.bar(len(images), model.path.name, " images") as advance:
        scores = evaluate.score_images(
            model.path, images, NO_OVERRIDES if model.card else overrides, threads, runtime, advance
        )
    called = Path(name).resolve().name if data and Path(data).is_dir() else name
    return ModelScores(scores, images, called, classifier.runtime.name)


def measure(model: Model, data: str | None, overrides: Overrides, threads: int, runtime: str | None) -> AccuracyRow:
    """UserError where the model or the data can't be used."""
    got = answers(model, data, overrides, threads, runtime)
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
    """A row a model. One that fails has its "error" and no figures; UserError where all do.

    Ctrl-C ends it with those that were measured, if there are any.
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
