"""How good a trained model is: the test split, read once, after the last choice was made."""

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
from train.data.batches import images_at_a_time
from train.recipes.recipe import Recipe
from train.run import evaluation, plots
from train.run.evaluation import CrossValidation, Evaluation
from train.run.runs import Run

if TYPE_CHECKING:
    from train.networks.head import Unseen


@dataclass(frozen=True)
class EvaluationOptions:
    """What else there is to judge by.

    features: of the test images, where the saved model's head alone was trained; then it alone is asked.
    rows: of the test images, those that count; None: all. unknown: networks before this one that may have seen some
    of these (train/run/ancestry.py).
    unseen: training images, scored by heads that were fitted without them; None where it isn't known.
    """

    features: npt.NDArray[np.float32] | None = None
    rows: npt.NDArray[np.int64] | None = None
    unknown: tuple[str, ...] = ()
    unseen: "Unseen | None" = None


@dataclass(frozen=True)
class ScoredImages:
    """What a network is judged by: images with their labels, and its scores of them; split: where they are from."""

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
        return cls(images, unseen.targets, unseen.scores, "cross-validation")


def evaluate(
    run: Run, recipe: Recipe, cache: Cache, last: npt.NDArray[np.float32] | None, asked: EvaluationOptions
) -> Evaluation:
    """Writes evaluation.json, confusion.png and samples.png; `last` are the scores that the last epoch's model gives,
    None where nothing was trained by epochs.

    The figure that counts is that of model.keras, the best epoch by validation, read back from the file. Of data
    without a test it is the cross-validated one.
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
        split="cross-validation",
        **vars(measures.accuracy(unseen.scores, unseen.targets)),
        balanced=measures.balanced(per_class),
        per_class=per_class,
    )


def predict(model: keras.Model, images: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
    """Scores of every image, n x labels (one sigmoid p as 1-p and p); images may be larger than memory."""
    step = images_at_a_time(images)
    # predict and not predict_on_batch, which answers once for each of several devices.
    parts = [model.predict(batch, step, verbose=0) for batch in batching.batches(images, step)]
    scores = np.concatenate(parts)
    return np.concatenate([1 - scores, scores], axis=1) if scores.shape[1] == 1 else scores


def summary(found: Evaluation, run: Run) -> list[str]:
    """The figure of evaluation.json, and how it was come by, as `train` prints it."""

    def accuracy(figure: Evaluation | CrossValidation) -> str:
        return text.accuracy(figure.top1, figure.interval, figure.n)

    if found.split == "cross-validation":
        return [
            f"cross-validated accuracy {accuracy(found)}  {run.model}",
            "each image by a head fitted without it; the head in the file is fitted on all of them",
        ]
    lines = [f"test accuracy {accuracy(found)}  {run.model}"]
    if unseen := found.cross_validation:
        lines.append(f"cross-validated {accuracy(unseen)}: training images, by heads fitted without them")
    if left_out := found.left_out:
        whole = found.n + left_out
        lines.append(f"without {left_out} of {whole} test images, which a network before this one was trained on")
    for path in found.unknown_ancestors:
        lines.append(f"{path} may have seen these test images: what it was trained on isn't known here")
    return lines


def remarks(evaluated: Evaluation) -> list[str]:
    """What the one figure of evaluation.json hides: labels that are never answered, and a common one that makes it up.

    A network that always answers the commonest label is right as often as that label comes.
    """
    classes = evaluated.per_class
    most = max(classes, key=lambda row: row.n)
    share = most.n / evaluated.n
    found = []
    if len(classes) > 1 and share > 1.5 / len(classes) and evaluated.interval[0] <= share:
        found.append(
            f"always answering {most.label!r} would be right in {text.percent(share)}, which is not below the"
            " interval: this network may have learned no more"
        )
    if is_uneven(row.n for row in classes):
        recalls = sorted(classes, key=lambda row: row.top1)
        each = text.some([f"{row.label} {text.percent(row.top1, 0)}" for row in recalls])
        found.append(
            f"the labels are not equally common; balanced accuracy {text.percent(evaluated.balanced)} ({each})"
        )
    alone = [row.label for row in classes if row.n == 1]
    if alone and evaluated.split == "cross-validation":
        found.append(f"a single image of {text.some(alone)}: whether others of it are recognized can't be measured")
    if lost := [f"{row.label} (n {row.n})" for row in classes if row.top1 == 0]:
        found.append(f"never right: {text.some(lost)}")
    return found
