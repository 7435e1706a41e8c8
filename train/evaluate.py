"""How good a trained model is: the test split, read once, after the last choice was made."""

from typing import Any

import keras
import numpy as np
import numpy.typing as npt

from device import evaluate as measures
from device import files, text
from device.evaluation import batching
from device.folders import Cache
from train import plots
from train.batches import pictures_at_a_time
from train.recipe import Recipe
from train.runs import Run


def evaluate(
    run: Run,
    recipe: Recipe,
    cache: Cache,
    last: npt.NDArray[np.float32],
    features: npt.NDArray[np.float32] | None = None,
    rows: npt.NDArray[np.int64] | None = None,
) -> dict[str, Any]:
    """Writes evaluation.json, confusion.png and samples.png; `last` are the scores that the last epoch's model gives.

    features: of the test pictures, where the saved model's head alone was trained; then it alone is asked.
    rows: of the test pictures, those that count (train/ancestry.py); None: all.
    The figure that counts is that of model.keras, the best epoch by validation, read back from the file.
    """
    pictures, targets = cache.pictures("test"), cache.targets("test")
    best = keras.models.load_model(run.model, compile=False)
    scores = predict(best, pictures) if features is None else predict(best.get_layer("head"), features)
    if rows is not None:
        pictures, targets, scores, last = pictures[rows], targets[rows], scores[rows], last[rows]
    document = {
        "schema": 1,
        "split": "test",
        **measures.accuracy(scores, targets),
        "per_class": measures.per_class(scores, targets, cache.labels),
        "last_epoch": measures.accuracy(last, targets),
        "left_out": 0 if rows is None else len(cache.targets("test")) - len(rows),
        "parameters": best.count_params(),
    }
    plots.confusion(targets, scores.argmax(axis=1), cache.labels, run.path / "confusion.png")
    plots.samples(pictures, targets, scores, cache.labels, run.path / "samples.png", recipe.seed)
    files.write_json(run.evaluation, document)
    return document


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
    if lost := [f"{row['label']} (n {row['n']})" for row in classes if row["top1"] == 0]:
        found.append(f"never right: {text.some(lost)}")
    return found
