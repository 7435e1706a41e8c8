"""evaluation.json of a run folder: the accuracy of what was trained. Needs no Keras."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from device import records
from device.evaluation.evaluate import LabelTopOne, TopOne

NAME = "evaluation.json"
SCHEMA = 1
TODO = "train the run again with --again"

T = TypeVar("T", bound="Evaluation | ClassicalEvaluation")


@dataclass(frozen=True)
class _OfSplit:
    split: str


@dataclass(frozen=True)
class CrossValidation(TopOne, _OfSplit):
    """The accuracy of heads on training images that they were fitted without (train/networks/head.py)."""

    balanced: float
    per_class: tuple[LabelTopOne, ...]


@dataclass(frozen=True, kw_only=True)
class Evaluation(TopOne, _OfSplit):
    """The evaluation of a network: of the best epoch, on the test split or by cross-validation, as `split` says.

    balanced: the mean of the labels' recalls. cross_validation: in addition to test images. last_epoch: of the network
    after the last epoch; None if nothing was trained by epochs. left_out: how many test images an earlier network was
    trained on; unknown_ancestors: networks whose training images are unknown (train/run/ancestry.py). None: in a run
    from a version that didn't record it.
    """

    balanced: float | None = None
    per_class: tuple[LabelTopOne, ...]
    cross_validation: CrossValidation | None = None
    last_epoch: TopOne | None = None
    left_out: int = 0
    unknown_ancestors: tuple[str, ...] = ()
    parameters: int | None = None


@dataclass(frozen=True)
class MethodRow:
    """A classical method and its accuracy on each split; numbers: how many features an image has."""

    name: str
    classifier: str
    settings: Mapping[str, float]
    numbers: int
    train: TopOne
    validation: TopOne
    test: TopOne


@dataclass(frozen=True)
class ClassicalEvaluation(TopOne, _OfSplit):
    """The evaluation of the classical baseline: the method that is best by validation, then all methods.

    overfitted: a demonstration, never the best.
    """

    per_class: tuple[LabelTopOne, ...]
    best: str
    features: tuple[MethodRow, ...]
    overfitted: MethodRow


def read(kind: type[T], folder: Path) -> T:
    """Reads it from a run folder. OSError if it is missing, UserError if it is damaged or of another version."""
    path = folder / NAME
    expected = f"expected the figures that train writes; {TODO}"
    return records.require(kind, path.read_bytes(), str(path), SCHEMA, TODO, expected)


def write(folder: Path, found: Evaluation | ClassicalEvaluation) -> None:
    records.write(folder / NAME, found, SCHEMA)
