"""Traditional recognition, the baseline of deep learning: features made by hand, classifiers from scikit-learn.

Three sets of features, each with its classifier, and a fourth classifier that overfits, to be looked at. A recipe and a
picture cache in, a run folder out, as with train/fit.py, but no TensorFlow and no model to export.
"""

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import MISSING, dataclass, fields
from typing import Any

import numpy as np
from sklearn.calibration import CalibratedClassifierCV
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedGroupKFold, cross_val_score
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from device import board, command, text
from device import evaluate as measures
from device.data import copies
from device.errors import UserError
from device.evaluate import TopOne
from device.folders import Cache
from train import classical_plots, evaluation, features, plots, runs
from train.class_counts import ClassCounts
from train.evaluation import ClassicalEvaluation, MethodRow
from train.features import Floats
from train.recipe import Recipe
from train.run_folder import Claim, Way
from train.runs import Identity, Run
from train.split import Rows, split_cache

# What of a recipe counts here; the rest is about networks.
USED = ("name", "description", "data", "pictures", "network", "size", "fit", "test", "validation", "seed")
COSTS = (0.5, 2.0, 8.0)  # C of the support vector machine: the price of a training picture on the wrong side
FOLDS = 5
MANY = 10_000
FEATURES, BOUNDARY = "features.png", "boundary.png"


@dataclass(frozen=True)
class Measured:
    """Pictures as numbers [n, features], the index of each one's label [n], and its group of copies [n]."""

    numbers: Floats
    targets: Rows
    groups: Rows

    def rows(self, rows: Rows) -> "Measured":
        return Measured(self.numbers[rows], self.targets[rows], self.groups[rows])

    def columns(self, columns: slice) -> "Measured":
        return Measured(self.numbers[:, columns], self.targets, self.groups)


@dataclass(frozen=True)
class Method:
    """A set of features (columns of `features.measure`) and the way to a classifier of them.

    `fit` takes training examples of these columns and gives a classifier with predict_proba, as scikit-learn's have,
    and its settings. The validation examples judge it, so it isn't given them.
    """

    name: str
    classifier: str
    columns: slice
    fit: Callable[[Measured], tuple[Any, dict[str, float]]]


@dataclass(frozen=True)
class Fitted:
    """A method with its classifier, of so many numbers, and how good it is, the test still left out."""

    method: Method
    classifier: Any
    settings: dict[str, float]
    numbers: int
    training: TopOne
    validation: TopOne

    @classmethod
    def of(cls, method: Method, training: Measured, validation: Measured) -> "Fitted":
        given = training.columns(method.columns)
        classifier, settings = method.fit(given)
        on_training, on_validation = (
            measures.accuracy(_scores(method, classifier, examples), examples.targets)
            for examples in (training, validation)
        )
        figures = f"training {text.percent(on_training.top1, 1)}, validation {text.percent(on_validation.top1, 1)}"
        command.say(f"{method.name}, {method.classifier}: {figures}")
        return cls(method, classifier, settings, given.numbers.shape[1], on_training, on_validation)

    def scores(self, examples: Measured) -> Floats:
        return _scores(self.method, self.classifier, examples)

    def row(self, test: Measured) -> MethodRow:
        """Its line of evaluation.json."""
        tested = measures.accuracy(self.scores(test), test.targets)
        named = self.method.name, self.method.classifier
        return MethodRow(*named, self.settings, self.numbers, self.training, self.validation, tested)


def _scores(method: Method, classifier: Any, examples: Measured) -> Floats:
    """Probabilities, n x labels."""
    return np.asarray(classifier.predict_proba(examples.columns(method.columns).numbers), np.float32)


def _line(training: Measured) -> tuple[Any, dict[str, float]]:
    """Logistic regression: one straight line between two labels."""
    line = make_pipeline(StandardScaler(), LogisticRegression(C=1.0))
    return line.fit(training.numbers, training.targets), {"C": 1.0}


def _neighbour(training: Measured) -> tuple[Any, dict[str, float]]:
    """The label of the nearest training picture: all of these are right, but where two agree in every number."""
    # The tree compares distances as they are; the other way of scikit-learn rounds, and a picture may miss itself.
    nearest = make_pipeline(StandardScaler(), KNeighborsClassifier(n_neighbors=1, algorithm="kd_tree"))
    return nearest.fit(training.numbers, training.targets), {"neighbours": 1}


def _machine(training: Measured) -> tuple[Any, dict[str, float]]:
    """A support vector machine (radial basis functions) at the cost that cross-validates best among the training
    pictures; of equal ones the lowest.

    A sigmoid for each label makes its margins probabilities (Platt, Advances in Large Margin Classifiers, 1999), fitted
    on margins of pictures that the machine of a fold hasn't seen: of its own ones it is surer than it should be.
    """
    if len(training.targets) > MANY:
        command.say(
            f"note: {len(training.targets)} training pictures; a support vector machine's time grows with their square"
        )

    folds = _folds(training)

    def machine(cost: float) -> Any:
        return make_pipeline(StandardScaler(), SVC(C=cost))

    def judged(cost: float) -> float:
        return float(cross_val_score(machine(cost), training.numbers, training.targets, cv=folds).mean())

    with ThreadPoolExecutor(board.usable_cores()) as pool:
        found = dict(zip(COSTS, pool.map(judged, COSTS), strict=True))
    cost = max(COSTS, key=lambda cost: found[cost])
    sigmoids = CalibratedClassifierCV(machine(cost), method="sigmoid", cv=folds, ensemble=False)
    return sigmoids.fit(training.numbers, training.targets), {"C": cost}


def _folds(training: Measured) -> list[tuple[Rows, Rows]]:
    """(rows to fit, rows to ask about) of each fold: stratified, copies together, every label on both sides.

    A label with a single different picture can't be on both: then all are fitted, and asked about too.
    """
    targets, groups = training.targets, training.groups
    labels, every = np.unique(targets), np.arange(len(targets))
    smallest = min(len(np.unique(groups[targets == label])) for label in labels)
    if smallest > 1:
        folds = list(StratifiedGroupKFold(min(FOLDS, smallest)).split(every, targets, groups))
        if all(len(np.unique(targets[rest])) == len(labels) for rest, _ in folds):
            return folds
    return [(every, every)]


BRIGHTNESS = Method("brightness", "logistic regression", slice(0, 1), _line)
PLANE = Method("height and brightness", "logistic regression", slice(0, 2), _line)
HOG = Method("HOG", "support vector machine", slice(2, None), _machine)
# For the picture, never the choice.
OVERFITTED = Method("height and brightness", "nearest neighbour", slice(0, 2), _neighbour)
METHODS = (BRIGHTNESS, PLANE, HOG, OVERFITTED)


def check(recipe: Recipe) -> None:
    """UserError for settings that only a network has, and pictures too small for the features."""
    for field in fields(Recipe):
        if field.name not in USED and field.default is not MISSING and getattr(recipe, field.name) != field.default:
            raise UserError(
                f"recipe {recipe.name}: {field.name} was set, but the classical baseline has no network to train;"
                f" expected changes only to {', '.join(name for name in USED[2:] if name != 'network')}"
            )
    features.check_size(recipe.size)


def train(recipe: Recipe, cache: Cache, run: Run, again: bool = False) -> ClassicalEvaluation:
    """Fits every method, chooses by validation, reads the test split once at the end; returns evaluation.json.

    What lies in the run folder is kept, as with `train.fit.train`.
    """
    check(recipe)
    claim = Claim(run, Identity.of(recipe, cache), again=again)
    with claim.taken() as way:
        if way is Way.UP_TO_DATE:
            return claim.evaluation(ClassicalEvaluation)
        rows, validation = split_cache(cache, recipe)
        began = time.monotonic()
        claim.make_room()
        command.say(ClassCounts.of(cache, validation).line())
        record = runs.start(run, recipe, cache, validation)
        with runs.under_way(run, record):
            result = _fit(recipe, cache, rows, validation, run)
        runs.finish(run, record, runs.DONE, wall_time_s=round(time.monotonic() - began, 1), best=result.best)
        return result


def _fit(recipe: Recipe, cache: Cache, rows: Rows, validation: Rows, run: Run) -> ClassicalEvaluation:
    known = _measured(cache, "train")
    training, held_out = known.rows(rows), known.rows(validation)
    brightness, plane, hog, overfitted = (Fitted.of(method, training, held_out) for method in METHODS)
    # Of equally good ones the first, which is the simplest.
    best = max((brightness, plane, hog), key=lambda fitted: fitted.validation.top1)
    classical_plots.seen(cache, rows, run.path / FEATURES, recipe.seed)
    # Here, after the last choice, the test pictures are seen.
    test = _measured(cache, "test")
    found = _evaluation(best, (brightness, plane, hog), overfitted, test, cache.labels)
    scores, pictures = best.scores(test), cache.pictures("test")
    plots.confusion(test.targets, scores.argmax(axis=1), cache.labels, run.path / "confusion.png")
    plots.samples(pictures, test.targets, scores, cache.labels, run.path / "samples.png", recipe.seed)
    panels = [
        _panel("plain", plane, found.features[1]),
        _panel("overfitted", overfitted, found.overfitted),
    ]
    points = training.columns(PLANE.columns)
    classical_plots.boundary(points.numbers, points.targets, cache.labels, panels, run.path / BOUNDARY)
    evaluation.write(run.path, found)
    return found


def _measured(cache: Cache, split: str) -> Measured:
    """Every picture of a split, measured."""
    began = time.monotonic()
    numbers, groups = features.measure(cache.pictures(split)), copies.groups_of(cache.hashes(split))
    measured = Measured(numbers, cache.targets(split), groups)
    command.say(f"features of {len(measured.targets)} {split} pictures in {time.monotonic() - began:.1f} s")
    return measured


def _evaluation(
    best: Fitted, candidates: Sequence[Fitted], overfitted: Fitted, test: Measured, labels: tuple[str, ...]
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
    """evaluation.json as lines for people: a row a method, the best by validation marked with *."""
    rows = []
    for row in (*found.features, found.overfitted):
        mark = " *" if row.name == found.best and row is not found.overfitted else ""
        cells = [f"{row.name}{mark}", row.classifier, str(row.numbers)]
        cells += [text.percent(part.top1, 1) for part in (row.train, row.validation)]
        rows.append([*cells, text.accuracy(row.test.top1, row.test.interval, row.test.n)])
    header = ("features", "classifier", "numbers", "training", "validation", "test")
    return [*text.table(header, rows), "* the best by validation"]
