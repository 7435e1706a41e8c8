"""Sets of features, each with its classifier: what there is to choose from, and one that overfits, to be looked at."""

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
    """Images as numbers [n, features], the index of each one's label [n], and its group of copies [n]."""

    numbers: Floats
    targets: Rows
    groups: Rows

    def rows(self, rows: Rows) -> "ImageFeatures":
        return ImageFeatures(self.numbers[rows], self.targets[rows], self.groups[rows])

    def columns(self, columns: slice) -> "ImageFeatures":
        return ImageFeatures(self.numbers[:, columns], self.targets, self.groups)


@dataclass(frozen=True)
class Method:
    """A set of features (columns of `features.measure`) and the way to a classifier of them.

    `fit` takes training examples of these columns and gives a classifier with predict_proba, as scikit-learn's have,
    and its settings. The validation examples judge it, so it isn't given them.
    """

    name: str
    classifier: str
    columns: slice
    fit: Callable[[ImageFeatures], tuple[Any, dict[str, float]]]


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
        """Its line of evaluation.json."""
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
    """The label of the nearest training image: all of these are right, but where two agree in every number."""
    # The tree compares distances as they are; the other way of scikit-learn rounds, and an image may miss itself.
    nearest = make_pipeline(StandardScaler(), KNeighborsClassifier(n_neighbors=1, algorithm="kd_tree"))
    return nearest.fit(training.numbers, training.targets), {"neighbors": 1}


def _machine(training: ImageFeatures) -> tuple[Any, dict[str, float]]:
    """A support vector machine (radial basis functions) at the cost that cross-validates best among the training
    images; of equal ones the lowest.

    A sigmoid for each label makes its margins probabilities (Platt, Advances in Large Margin Classifiers, 1999), fitted
    on margins of images that the machine of a fold hasn't seen: of its own ones it is surer than it should be.
    """
    if len(training.targets) > MANY:
        command.say(
            f"note: {len(training.targets)} training images; a support vector machine's time grows with their square"
        )

    folds = _folds(training)

    def machine(cost: float) -> Any:
        return make_pipeline(StandardScaler(), SVC(C=cost))

    def judged(cost: float) -> float:
        return float(cross_val_score(machine(cost), training.numbers, training.targets, cv=folds).mean())

    with ThreadPoolExecutor(system.usable_cores()) as pool:
        found = dict(zip(COSTS, pool.map(judged, COSTS), strict=True))
    cost = max(COSTS, key=lambda cost: found[cost])
    sigmoids = CalibratedClassifierCV(machine(cost), method="sigmoid", cv=folds, ensemble=False)
    return sigmoids.fit(training.numbers, training.targets), {"C": cost}


def _folds(training: ImageFeatures) -> list[tuple[Rows, Rows]]:
    """(rows to fit, rows to ask about) of each fold: stratified, copies together, every label on both sides.

    A label with a single different image can't be on both: then all are fitted, and asked about too.
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
# For the image, never the choice.
OVERFITTED = Method("height and brightness", "nearest neighbor", slice(0, 2), _neighbor)
METHODS = (BRIGHTNESS, PLANE, HOG, OVERFITTED)
