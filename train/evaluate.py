"""How good a trained model is: the test split, read once, after the last choice was made."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
import numpy.typing as npt

from device import evaluate as measures
from device import files, text
from device.evaluation import batching
from device.folders import Cache
from train import plots
from train.batches import pictures_at_a_time
from train.class_counts import is_uneven
from train.recipe import Recipe
from train.runs import Run

if TYPE_CHECKING:
    from train.head import Unseen


@dataclass(frozen=True)
class Asked:
    """What else there is to judge by.

    features: of the test pictures, where the saved model's head alone was trained; then it alone is asked.
    rows: of the test pictures, those that count (train/ancestry.py); None: all.
    unseen: training images, scored by heads that were fitted without them; None where it isn't known.
    """

    features: npt.NDArray[np.float32] | None = None
    rows: npt.NDArray[np.int64] | None = None
    unseen: "Unseen | None" = None


def evaluate(
    run: Run, recipe: Recipe, cache: Cache, last: npt.NDArray[np.float32] | None, asked: Asked
) -> dict[str, Any]:
    """Writes evaluation.json, confusion.png and samples.png; `last` are the scores that the last epoch's model gives,
    None where nothing was trained by epochs.

    The figure that counts is that of model.keras, the best epoch by validation, read back from the file.
    """
    features, rows = asked.features, asked.rows
    pictures, targets = cache.pictures("test"), cache.targets("test")
    best = keras.models.load_model(run.model, compile=False)
    scores = predict(best, pictures) if features is None else predict(best.get_layer("head"), features)
    if rows is not None:
        pictures, targets, scores = pictures[rows], targets[rows], scores[rows]
        last = None if last is None else last[rows]
    per_class = measures.per_class(scores, targets, cache.labels)
    document = {
        "schema": 1,
        "split": "test",
        **measures.accuracy(scores, targets),
        "balanced": measures.balanced(per_class),
        "per_class": per_class,
        "cross_validation": asked.unseen and _cross_validation(asked.unseen, cache.labels),
        "last_epoch": None if last is None else measures.accuracy(last, targets),
        "left_out": 0 if rows is None else len(cache.targets("test")) - len(rows),
        "parameters": best.count_params(),
    }
    plots.confusion(targets, scores.argmax(axis=1), cache.labels, run.path / "confusion.png")
    plots.samples(pictures, targets, scores, cache.labels, run.path / "samples.png", recipe.seed)
    files.write_json(run.evaluation, document)
    return document


def _cross_validation(unseen: "Unseen", labels: tuple[str, ...]) -> dict[str, Any]:
    per_class = measures.per_class(unseen.scores, unseen.targets, labels)
    whole = measures.accuracy(unseen.scores, unseen.targets)
    return {"split": "cross-validation", **whole, "balanced": measures.balanced(per_class), "per_class": per_class}


def predict(model: keras.Model, pictures: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
    """Scores of every picture, n x labels (one sigmoid p as 1-p and p); pictures may be larger than memory."""
    step = pictures_at_a_time(pictures)
    # predict and not predict_on_batch, which answers once for each of several devices.
    parts = [model.predict(batch, step, verbose=0) for batch in batching.batches(pictures, step)]
    scores = np.concatenate(parts)
    return np.concatenate([1 - scores, scores], axis=1) if scores.shape[1] == 1 else scores


def remarks(document: dict[str, Any]) -> list[str]:
    """What the one figure of evaluation.json hides: labels that are never answered, and a common one that makes it up.

    A network that always answers the commonest label is right as often as that label comes.
    """
    classes = document["per_class"]
    most = max(classes, key=lambda row: row["n"])
    share = most["n"] / document["n"]
    found = []
    if len(classes) > 1 and share > 1.5 / len(classes) and document["interval"][0] <= share:
        found.append(
            f"always answering {most['label']!r} would be right in {text.percent(share)}, which is not below the"
            " interval: this network may have learned no more"
        )
    if is_uneven(row["n"] for row in classes):
        recalls = sorted(classes, key=lambda row: row["top1"])
        each = text.some([f"{row['label']} {text.percent(row['top1'], 0)}" for row in recalls])
        found.append(
            f"the labels are not equally common; balanced accuracy {text.percent(document['balanced'])} ({each})"
        )
    if lost := [f"{row['label']} (n {row['n']})" for row in classes if row["top1"] == 0]:
        found.append(f"never right: {text.some(lost)}")
    return found
