"""evaluation.json of a run folder: how good what was trained is. Needs no Keras."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from device import records
from device.errors import UserError
from device.evaluation.evaluate import LabelTopOne, TopOne
from device.records import RecordError

NAME = "evaluation.json"
SCHEMA = 1
TODO = "train the run again with --again"

T = TypeVar("T", bound="Evaluation | ClassicalEvaluation")


@dataclass(frozen=True)
class CrossValidation:
    """What heads give for training images that they were fitted without (train/networks/head.py)."""

    split: str
    top1: float
    n: int
    interval: tuple[float, float]
    balanced: float
    per_class: tuple[LabelTopOne, ...]


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """Of a network: that of the best epoch, on `split`, the test or, without one, by cross-validation.

    balanced: the mean of the labels' recalls. cross_validation: beside a test. last_epoch: of the network as the last
    epoch left it; None where nothing was trained by epochs. left_out: how many test images a network before this one
    was trained on; unknown_ancestors: those of which it can't be told (train/run/ancestry.py). None: of a run from
    before it was written down.
    """

    split: str
    top1: float
    n: int
    interval: tuple[float, float]
    balanced: float | None = None
    per_class: tuple[LabelTopOne, ...]
    cross_validation: CrossValidation | None = None
    last_epoch: TopOne | None = None
    left_out: int = 0
    unknown_ancestors: tuple[str, ...] = ()
    parameters: int | None = None


@dataclass(frozen=True)
class MethodRow:
    """A classical method: numbers is how many an image is measured by; the accuracy on each part."""

    name: str
    classifier: str
    settings: Mapping[str, float]
    numbers: int
    train: TopOne
    validation: TopOne
    test: TopOne


@dataclass(frozen=True)
class ClassicalEvaluation:
    """Of the classical baseline: the figures of the method that is best by validation, then those of all.

    overfitted: to be looked at, never the best.
    """

    split: str
    top1: float
    n: int
    interval: tuple[float, float]
    per_class: tuple[LabelTopOne, ...]
    best: str
    features: tuple[MethodRow, ...]
    overfitted: MethodRow


def read(kind: type[T], folder: Path) -> T:
    """Of a run folder. OSError where there is none, UserError for one that is damaged or of another version."""
    path = folder / NAME
    try:
        return records.read(kind, path, SCHEMA, TODO)
    except RecordError as error:
        raise UserError(f"{path}: {error}; {TODO}") from None
    except ValueError:
        raise UserError(f"{path}: this is no JSON, expected the figures that train writes; {TODO}") from None


def write(folder: Path, found: Evaluation | ClassicalEvaluation) -> None:
    records.write(folder / NAME, found, SCHEMA)
