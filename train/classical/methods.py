"""Sets of features, each with its classifier: the candidates, and one that overfits, for illustration."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.calibration import CalibratedClassifierCV
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedGroupKFold, cross_val_score
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from device import command, text
from device.evaluation import evaluate as measures
from device.evaluation.evaluate import TopOne
from device.host import system
from train.classical.features import Floats
from train.data.split import Rows
from train.run.evaluation import MethodRow

COSTS = (0.5, 2.0, 8.0)  # C of the support vector machine: the price of a training image on the wrong side
FOLDS = 5
MANY = 10_000


@dataclass(frozen=True)
class ImageFeatures:
    """Images as features [n, features], the index of each one's label [n], and its group of copies [n]."""

    numbers: Floats
    targets: Rows
    groups: Rows

    def rows(self, rows: Rows) -> "ImageFeatures":
        return ImageFeatures(self.numbers[rows], self.targets[rows], self.groups[rows])

    def columns(self, columns: slice) -> "ImageFeatures":
        return ImageFeatures(self.numbers[:, columns], self.targets, self.groups)


@dataclass(frozen=True)
class Method:
    """A set of features (columns of `features.measure`) and how to fit a classifier to them.

    `fit` takes training examples of these columns and returns a classifier with scikit-learn's predict_proba, and its
    settings. It doesn't get the validation examples, which judge it.
    """

    name: str
    classifier: str
    columns: slice
    fit: Callable[[ImageFeatures], tuple[Any, dict[str, float]]]


@dataclass(frozen=True)
class Fitted:
    """A method with its fitted classifier, its number of features, and its accuracies without the test."""

    method: Method
    classifier: Any
    settings: dict[str, float]
    numbers: int
    training: TopOne
    validation: TopOne

    @classmethod
    def of(cls, method: Method, training: ImageFeatures, validation: ImageFeatures) -> "Fitted":
        given = training.columns(method.columns)
        classifier, settings = method.fit(given)
        on_training, on_validation = (
            measures.accuracy(_scores(method, classifier, examples), examples.targets)
            for examples in (training, validation)
        )
        figures = f"training {text.percent(on_training.top1, 1)}, validation {text.percent(on_validation.top1, 1)}"
        command.say(f"{method.name}, {method.classifier}: {figures}")
        return cls(method, classifier, settings, given.numbers.shape[1], on_training, on_validation)

    def scores(self, examples: ImageFeatures) -> Floats:
        return _scores(self.method, self.classifier, examples)

    def row(self, test: ImageFeatures) -> MethodRow:
        """The method's row of evaluation.json."""
        tested = measures.accuracy(self.scores(test), test.targets)
        named = self.method.name, self.method.classifier
        return MethodRow(*named, self.settings, self.numbers, self.training, self.validation, tested)


def _scores(method: Method, classifier: Any, examples: ImageFeatures) -> Floats:
    """Probabilities, n x labels."""
    return np.asarray(classifier.predict_proba(examples.columns(method.columns).numbers), np.float32)


def _line(training: ImageFeatures) -> tuple[Any, dict[str, float]]:
    """Logistic regression: one straight line between two labels."""
    line = make_pipeline(StandardScaler(), LogisticRegression(C=1.0))
    return line.fit(training.numbers, training.targets), {"C": 1.0}


def _neighbor(training: ImageFeatures) -> tuple[Any, dict[str, float]]:
    """The label of the nearest training image; right for all training images, except for equal features."""
    # The tree compares exact distances; scikit-learn's other algorithm rounds, so an image may miss itself.
    nearest = make_pipeline(StandardScaler(), KNeighborsClassifier(n_neighbors=1, algorithm="kd_tree"))
    return nearest.fit(training.numbers, training.targets), {"neighbors": 1}


def _machine(training: ImageFeatures) -> tuple[Any, dict[str, float]]:
    """A support vector machine (radial basis functions) with the cost that cross-validates best on the training images,
    the lowest if several are equal.

    A sigmoid per label turns margins into probabilities (Platt, Advances in Large Margin Classifiers, 1999), fitted on
    images that a fold's machine hasn't seen, because it is overconfident on its own.
    """
    if len(training.targets) > MANY:
        command.say(
            f"note: {len(training.targets)} training images; a support vector machine's time grows with their square"
        )

    folds = folds_of(training)

    def machine(cost: float) -> Any:
        return make_pipeline(StandardScaler(), SVC(C=cost))

    def judged(cost: float) -> float:
        return float(cross_val_score(machine(cost), training.numbers, training.targets, cv=folds).mean())

    with ThreadPoolExecutor(system.usable_cores()) as pool:
        found = dict(zip(COSTS, pool.map(judged, COSTS), strict=True))
    cost = max(COSTS, key=lambda cost: found[cost])
    sigmoids = CalibratedClassifierCV(machine(cost), method="sigmoid", cv=folds, ensemble=False)
    return sigmoids.fit(training.numbers, training.targets), {"C": cost}


def folds_of(training: ImageFeatures) -> list[tuple[Rows, Rows]]:
    """(training rows, validation rows) of each fold: stratified, copies together, every label on both sides.

    A label with only one distinct image can't be on both sides; then all images are in both.
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
# For illustration, never chosen.
OVERFITTED = Method("height and brightness", "nearest neighbor", slice(0, 2), _neighbor)
METHODS = (BRIGHTNESS, PLANE, HOG, OVERFITTED)
