"""A run without a network: from a recipe and an image cache to a run folder, like train/fitting/fit.py.

Fits three sets of features, each with its classifier, and a fourth classifier that overfits, for illustration. Uses no
TensorFlow and gives no model to export.
"""

import time
from collections.abc import Sequence

from device import command, text
from device.data import copies
from device.data.folders import Cache
from device.evaluation import evaluate as measures
from train.classical import features
from train.classical import plots as classical_plots
from train.classical.methods import METHODS, PLANE, Fitted, ImageFeatures
from train.data.class_counts import ClassCounts
from train.data.split import Rows, split_cache
from train.recipes.classical import ClassicalRecipe
from train.run import evaluation, plots, recording
from train.run.evaluation import ClassicalEvaluation, MethodRow
from train.run.run_folder import Claim, Way
from train.run.runs import Identity, Run

FEATURES, BOUNDARY = "features.png", "boundary.png"


def train(recipe: ClassicalRecipe, cache: Cache, run: Run, again: bool = False) -> ClassicalEvaluation:
    """Fits every method, chooses by validation, reads the test split once at the end; returns evaluation.json.

    Keeps what is in the run folder, like `train.fitting.fit.train`.
    """
    features.check_size(recipe.data.image_size)
    claim = Claim(run, Identity.of(recipe, cache), again=again)
    with claim.hold() as way:
        if way is Way.UP_TO_DATE:
            return claim.evaluation(ClassicalEvaluation)
        rows, validation = split_cache(cache, recipe)
        began = time.monotonic()
        claim.make_room()
        command.say(ClassCounts.of(cache, validation).line())
        record = recording.start(run, recipe, cache, validation)
        with recording.under_way(run, record):
            result = _fit(recipe, cache, rows, validation, run)
        recording.finish(run, record, recording.DONE, wall_time_s=round(time.monotonic() - began, 1), best=result.best)
        return result


def _fit(recipe: ClassicalRecipe, cache: Cache, rows: Rows, validation: Rows, run: Run) -> ClassicalEvaluation:
    known = _measured(cache, "train")
    training, held_out = known.rows(rows), known.rows(validation)
    brightness, plane, hog, overfitted = (Fitted.of(method, training, held_out) for method in METHODS)
    # The first of equally good ones is the simplest.
    best = max((brightness, plane, hog), key=lambda fitted: fitted.validation.top1)
    classical_plots.seen(cache, rows, run.path / FEATURES, recipe.seed)
    # Only here, after the last choice, are the test images used.
    test = _measured(cache, "test")
    found = _evaluation(best, (brightness, plane, hog), overfitted, test, cache.labels)
    scores, images = best.scores(test), cache.images("test")
    plots.confusion(test.targets, scores.argmax(axis=1), cache.labels, run.path / "confusion.png")
    plots.samples(images, test.targets, scores, cache.labels, run.path / "samples.png", recipe.seed)
    panels = [
        _panel("plain", plane, found.features[1]),
        _panel("overfitted", overfitted, found.overfitted),
    ]
    points = training.columns(PLANE.columns)
    classical_plots.boundary(points.numbers, points.targets, cache.labels, panels, run.path / BOUNDARY)
    evaluation.write(run.path, found)
    return found


def _measured(cache: Cache, split: str) -> ImageFeatures:
    """The features of all images of a split."""
    began = time.monotonic()
    numbers, groups = features.measure(cache.images(split)), copies.groups_of(cache.hashes(split))
    measured = ImageFeatures(numbers, cache.targets(split), groups)
    command.say(f"features of {len(measured.targets)} {split} images in {time.monotonic() - began:.1f} s")
    return measured


def _evaluation(
    best: Fitted, candidates: Sequence[Fitted], overfitted: Fitted, test: ImageFeatures, labels: tuple[str, ...]
) -> ClassicalEvaluation:
    scores = best.scores(test)
    return ClassicalEvaluation(
        split="test",
        **vars(measures.accuracy(scores, test.targets)),
        per_class=measures.per_class(scores, test.targets, labels),
        best=best.method.name,
        features=tuple(fitted.row(test) for fitted in candidates),
        overfitted=overfitted.row(test),
    )


def _panel(title: str, fitted: Fitted, row: MethodRow) -> classical_plots.Panel:
    accuracies = row.train.top1, row.test.top1
    return classical_plots.Panel(f"{title}: {fitted.method.classifier}", *accuracies, fitted.classifier.predict)


def table(found: ClassicalEvaluation) -> list[str]:
    """evaluation.json as lines for people: one row per method, the best by validation marked with *."""
    rows = []
    for row in (*found.features, found.overfitted):
        mark = " *" if row.name == found.best and row is not found.overfitted else ""
        cells = [f"{row.name}{mark}", row.classifier, str(row.numbers)]
        cells += [text.percent(part.top1, 1) for part in (row.train, row.validation)]
        rows.append([*cells, text.accuracy(row.test.top1, row.test.interval, row.test.n)])
    header = ("features", "classifier", "numbers", "training", "validation", "test")
    return [*text.table(header, rows), "* the best by validation"]
