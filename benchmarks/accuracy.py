"""How often a model file is right, on labelled pictures, through device's own path."""

from pathlib import Path
from typing import Any

from benchmarks import progress
from benchmarks.models import Model
from device import command, evaluate, folders
from device.classifier import Classifier
from device.contract import NO_HINTS, Hints
from device.errors import UserError


def measure(model: Model, data: str | None, hints: Hints, threads: int, runtime: str | None) -> dict[str, Any]:
    """One result. data: a data set by name or a folder; None takes the data the model was trained on."""
    classifier = Classifier(model.path, NO_HINTS if model.card else hints, threads, runtime)
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
    find = folders.labelled if data else folders.labelled_cache
    pictures = find(name, card.labels, classifier.size, card.input.fit, fingerprint)
    if fingerprint and data and Path(data).is_dir() and not folders.training_hashes(fingerprint):
        command.say(
            f"note: {model.path}: its training pictures are not in the cache here; those that are in {name} count too"
        )
    with progress.bar(len(pictures), model.path.name, " pictures") as advance:
        scores = evaluate.score_pictures(
            model.path, pictures, NO_HINTS if model.card else hints, threads, runtime, advance
        )
    return {
        "file": model.path.name,
        "variant": model.variant,
        **evaluate.accuracy(scores, pictures.targets),
        "left_out": pictures.left_out,
        "data": Path(name).resolve().name if data and Path(data).is_dir() else name,
        "split": pictures.split,
        "runtime": classifier.runtime.name,
        "per_class": evaluate.per_class(scores, pictures.targets, card.labels),
    }
