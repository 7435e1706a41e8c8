"""Evaluates a trained model on the test split, read once, after all choices are made."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
import numpy.typing as npt

from device import text
from device.data.folders import Cache
from device.evaluation import batching
from device.evaluation import evaluate as measures
from device.evaluation.by_label import is_uneven
from device.model.card import CROSS_VALIDATION
from train.data.batches import images_at_a_time
from train.recipes.recipe import Recipe
from train.run import evaluation, plots
from train.run.evaluation import CrossValidation, Evaluation
from train.run.runs import Run

if TYPE_CHECKING:
    from train.networks.head import Unseen


@dataclass(frozen=True)
class EvaluationOptions:
    """Further inputs of an evaluation.

    features: of the test images, if only the head was trained; then only the head runs. rows: the test images to use;
    None: all. unknown: earlier networks that may have seen some of them (train/run/ancestry.py). unseen: training
    images, scored by heads that were fitted without them; None if there are none.
    """

    features: npt.NDArray[np.float32] | None = None
    rows: npt.NDArray[np.int64] | None = None
    unknown: tuple[str, ...] = ()
    unseen: "Unseen | None" = None


@dataclass(frozen=True)
class ScoredImages:
    """Images with their labels and a network's scores for them; split: where they come from."""

    images: npt.NDArray[np.uint8]
    targets: npt.NDArray[np.int64]
    scores: npt.NDArray[np.float32]
    split: str

    @classmethod
    def by_test(cls, model: keras.Model, cache: Cache, asked: EvaluationOptions) -> "ScoredImages":
        images, targets, features = cache.images("test"), cache.targets("test"), asked.features
        scores = predict(model, images) if features is None else predict(model.get_layer("head"), features)
        if asked.rows is not None:
            images, targets, scores = images[asked.rows], targets[asked.rows], scores[asked.rows]
        return cls(images, targets, scores, "test")

    @classmethod
    def by_cross_validation(cls, cache: Cache, unseen: "Unseen") -> "ScoredImages":
        images = cache.images("train")
        if len(unseen.rows) < len(images):
            images = images[unseen.rows]
        return cls(images, unseen.targets, unseen.scores, CROSS_VALIDATION)


def evaluate(
    run: Run, recipe: Recipe, cache: Cache, last: npt.NDArray[np.float32] | None, asked: EvaluationOptions
) -> Evaluation:
    """Writes evaluation.json, confusion.png and samples.png; `last`: the scores of the last epoch's model, None if
    nothing was trained by epochs.

    The main figure is that of model.keras, the best epoch by validation, read back from the file; for data without test
    images it is the cross-validated one.
    """
    best, rows = keras.models.load_model(run.model, compile=False), asked.rows
    if cache.has_test:
        judged = ScoredImages.by_test(best, cache, asked)
    else:
        assert asked.unseen is not None, "fit.train asks for a test or for cross-validation"
        judged = ScoredImages.by_cross_validation(cache, asked.unseen)
    targets = judged.targets
    if last is not None and rows is not None:
        last = last[rows]
    per_class = measures.per_class(judged.scores, targets, cache.labels)
    found = Evaluation(
        split=judged.split,
        **vars(measures.accuracy(judged.scores, targets)),
        balanced=measures.balanced(per_class),
        per_class=per_class,
        cross_validation=_cross_validation(asked.unseen, cache.labels) if asked.unseen and cache.has_test else None,
        last_epoch=None if last is None else measures.accuracy(last, targets),
        left_out=0 if rows is None else len(cache.targets("test")) - len(rows),
        unknown_ancestors=asked.unknown,
        parameters=best.count_params(),
    )
    what = "test images" if cache.has_test else "images, cross-validated"
    plots.confusion(targets, judged.scores.argmax(axis=1), cache.labels, run.path / "confusion.png", what)
    plots.samples(judged.images, targets, judged.scores, cache.labels, run.path / "samples.png", recipe.seed)
    evaluation.write(run.path, found)
    return found


def _cross_validation(unseen: "Unseen", labels: tuple[str, ...]) -> CrossValidation:
    per_class = measures.per_class(unseen.scores, unseen.targets, labels)
    return CrossValidation(
        split=CROSS_VALIDATION,
        **vars(measures.accuracy(unseen.scores, unseen.targets)),
        balanced=measures.balanced(per_class),
        per_class=per_class,
    )


def predict(model: keras.Model, images: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
    """Scores for every image, n x labels (one sigmoid p as 1-p and p); the images may be larger than memory."""
    step = images_at_a_time(images)
    # predict, not predict_on_batch, which repeats the scores for each of several devices.
    parts = [model.predict(batch, step, verbose=0) for batch in batching.batches(images, step)]
    scores = np.concatenate(parts)
    return np.concatenate([1 - scores, scores], axis=1) if scores.shape[1] == 1 else scores


def summary(found: Evaluation, run: Run) -> list[str]:
    """The figure of evaluation.json and where it comes from, as `train` prints it."""

    def accuracy(figure: Evaluation | CrossValidation) -> str:
        return text.accuracy(figure.top1, figure.interval, figure.n)

    if found.split == CROSS_VALIDATION:
        return [
            f"cross-validated accuracy {accuracy(found)}  {run.model}",
            "each image by a head fitted without it; the head in the file is fitted on all of them",
        ]
    lines = [f"test accuracy {accuracy(found)}  {run.model}"]
    if unseen := found.cross_validation:
        lines.append(f"cross-validated {accuracy(unseen)}: training images, by heads fitted without them")
    if left_out := found.left_out:
        whole = found.n + left_out
        lines.append(f"without {left_out} of {whole} test images, which an earlier network was trained on")
    for path in found.unknown_ancestors:
        lines.append(f"{path} may have seen these test images: its training images are unknown")
    return lines


def remarks(evaluated: Evaluation) -> list[str]:
    """What the single figure hides: labels that are never predicted, and one common label that accounts for most of it.

    A network that always predicts the most common label is right as often as that label occurs.
    """
    classes = evaluated.per_class
    most = max(classes, key=lambda row: row.n)
    share = most.n / evaluated.n
    found = []
    if len(classes) > 1 and share > 1.5 / len(classes) and evaluated.interval[0] <= share:
        found.append(
            f"always predicting {most.label!r} would be right for {text.percent(share)} of the images, not below"
            " the interval: this network may have learned nothing more"
        )
    if is_uneven(row.n for row in classes):
        recalls = sorted(classes, key=lambda row: row.top1)
        each = text.some([f"{row.label} {text.percent(row.top1, 0)}" for row in recalls])
        found.append(
            f"the labels are unevenly distributed; balanced accuracy {text.percent(evaluated.balanced)} ({each})"
        )
    alone = [row.label for row in classes if row.n == 1]
    if alone and evaluated.split == CROSS_VALIDATION:
        found.append(f"only one image of {text.some(alone)}: accuracy on others can't be measured")
    if lost := [f"{row.label} (n {row.n})" for row in classes if row.top1 == 0]:
        found.append(f"never right: {text.some(lost)}")
    return found
