"""The head of transfer: multinomial logistic regression on a backbone's features, folded into one dense layer.

A convex problem has one solution: nothing depends on epochs, batches, rates or a seed, and it works for five images per
class as for fifty thousand. Features are divided by the root of their mean squared length, so that the same L2 penalty
suits every backbone; the division is folded into the layer's weights.

A head with hidden layers is trained by epochs instead (train/fitting/fit.py).
"""

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedGroupKFold
from threadpoolctl import threadpool_limits

from device import command
from device.data import copies
from device.data.heads import Heads
from device.evaluation.by_label import is_uneven
from train.data.split import Rows

Features = npt.NDArray[np.float32]
Scores = npt.NDArray[np.float32]

# scikit-learn's inverse penalty, for features of length 1. Chosen by cross-validated log loss on training images, 5 to
# 100 a class (docs/results.md, 2026-11-26); accuracy is flat from 10 to 300.
C = 100.0
MOST_STEPS = 1000
# The fit has converged when no slope is steeper: scikit-learn's own threshold, or less if the slopes start small. They
# are means over images, so with hundreds of classes all can be below 1e-4 before the first step.
SETTLED, SETTLED_SHARE = 1e-4, 0.01
FOLDS = 5
# With more images a test split is good enough, and each fold takes as long as the head itself.
MOST = 5000


@dataclass(frozen=True)
class Head:
    """A dense layer: kernel [features, labels] and bias [labels], for a softmax."""

    kernel: npt.NDArray[np.float32]
    bias: npt.NDArray[np.float32]

    def scores(self, features: Features) -> Scores:
        """Probabilities, n x labels."""
        logits = features @ self.kernel + self.bias
        odds = np.exp(logits - logits.max(axis=1, keepdims=True))
        probabilities: Scores = odds / odds.sum(axis=1, keepdims=True)
        return probabilities


def fit(features: Features, targets: Rows, labels: int) -> Head:
    """features: n x channels; targets: n label numbers.

    A label without images gets no probability, so a single label gets all of it. Uneven classes are weighted, so that a
    rare one is not neglected.
    """
    if len(there := np.unique(targets)) == 1:
        return _of_all(np.zeros((features.shape[1], 1)), np.zeros(1), there, labels)
    given = features.astype(np.float64)
    length = float(np.sqrt(np.vdot(given, given) / len(given))) or 1.0
    given /= length
    weights = "balanced" if is_uneven(np.bincount(targets)) else None
    settled = min(SETTLED, SETTLED_SHARE * _first_slope(given, targets, there))
    regression = LogisticRegression(C=C, max_iter=MOST_STEPS, class_weight=weights, tol=settled)
    # Two threads make small fits many times slower than one: the steps are too small to share.
    with threadpool_limits(1, "blas"), warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", ConvergenceWarning)
        regression.fit(given, targets)
    if caught:
        command.say(f"note: the head had not converged after {MOST_STEPS} steps; it is used as it is")
    kernel, bias = regression.coef_.T / length, regression.intercept_
    if len(regression.classes_) == 2:  # one column, the log odds of the second class
        kernel, bias = np.hstack([-kernel / 2, kernel / 2]), np.array([-bias[0] / 2, bias[0] / 2])
    return _of_all(kernel, bias, regression.classes_, labels)


def _first_slope(features: npt.NDArray[np.float64], targets: Rows, there: Rows) -> float:
    """The steepest slope of the loss with all weights 0: the difference between each class's features and its share of
    all.
    """
    sums = np.array([features[targets == label].sum(axis=0) for label in there])
    return float(np.abs(sums - sums.mean(axis=0)).max()) / len(features)


def _of_all(kernel: Any, bias: Any, classes: Rows, labels: int) -> Head:
    """A head with a column for every label; labels without images are never predicted."""
    whole = np.zeros((len(kernel), labels), np.float32)
    never = np.full(labels, -1e4, np.float32)
    whole[:, classes], never[classes] = kernel, bias
    return Head(whole, never)


@dataclass(frozen=True)
class Unseen:
    """Training images scored by heads that were fitted without them: each distinct image once.

    scores: n x labels; targets: their label numbers; rows: their rows in the training images; folds: for each the index
    in `heads` of the head that scored it.
    """

    scores: Scores
    targets: Rows
    rows: Rows
    folds: Rows
    heads: tuple[Head, ...]

    @property
    def stored(self) -> Heads:
        """The heads for export, which runs them on the features of an exported backbone (export/source/unseen.py)."""
        kernels, biases = (np.stack([getattr(head, part) for head in self.heads]) for part in ("kernel", "bias"))
        return Heads(self.rows, self.folds, kernels, biases)


def cross_validated(
    features: Features, targets: Rows, groups: Rows, rows: Rows, labels: int, seed: int
) -> Unseen | None:
    """Each image's scores from a head that was fitted without it and its copies; None for more than `MOST` images.

    rows: which rows of features, targets and groups (device/data/copies.py) to score. Five folds, or fewer if the
    smallest class has fewer images, with the classes distributed evenly. The only image of a class is scored by heads
    that don't know the class.
    """
    if len(rows) > MOST:
        return None
    features, targets, groups = features[rows], targets[rows], groups[rows]
    different = ~copies.repeated(groups)
    smallest = min(len(np.unique(groups[targets == label])) for label in np.unique(targets))
    folds = StratifiedGroupKFold(max(2, min(FOLDS, smallest)), shuffle=True, random_state=seed)
    scores = np.zeros((len(features), labels), np.float32)
    fold, heads = np.zeros(len(features), np.int64), list[Head]()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="The least populated class")
        for rest, held_out in folds.split(features, targets, groups):
            fold[held_out] = len(heads)
            heads.append(fit(features[rest], targets[rest], labels))
            scores[held_out] = heads[-1].scores(features[held_out])
    return Unseen(scores[different], targets[different], rows[different], fold[different], tuple(heads))
