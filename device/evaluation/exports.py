"""export.json: which files an export left, what each of them was compared with, and what decided the result.

Written by `export`, read by it again and by `benchmarks`. It lies beside the files it names.
"""

from dataclasses import dataclass
from pathlib import Path

from device import records
from device.errors import UserError
from device.evaluation.by_label import ByLabel
from device.evaluation.evaluate import LabelTopOne
from device.model.card import InputSpec
from device.records import RecordError

SCHEMA = 1
NAME = "export.json"
DONE = "done"
EXPECTED = "expected the export.json that python -m export writes; export again with: python -m export RUN --again"


@dataclass(frozen=True)
class Calibration:
    """How many images int8 was calibrated with, and how they were drawn; rows: which of the split."""

    n: int
    seed: int
    split: str


@dataclass(frozen=True)
class CalibrationRows(Calibration):
    rows: tuple[int, ...] = ()


@dataclass(frozen=True)
class Inputs:
    """What decides the result: an export with the same inputs is up to date.

    output: the card's kind of output. golden: "drawn", or "data" where the images are taken from it. test_sha256: of
    the test images' files and labels; None for a run, whose model_sha256 stands for its data too.
    """

    model_sha256: str
    variants: tuple[str, ...]
    labels: tuple[str, ...]
    input: InputSpec
    output: str | None = None
    calibration: Calibration | None = None
    calibration_sha256: str | None = None
    golden: str | None = None
    test_images: int | None = None
    test_sha256: str | None = None


@dataclass(frozen=True)
class _OfVariant:
    variant: str


@dataclass(frozen=True)
class ReferenceComparison:
    """A variant beside its reference on n images of a split.

    top1 and drop, fractions with their 95 % intervals (Wilson's; Bonett and Price's, device/evaluation/paired.py): None
    where the images have no labels. agreement: the share of images with the same answer; None where the file could not
    be run. The largest and the mean difference of a score and the signal to noise of the logits in dB: None where they
    are no finite numbers. balanced, worst_label, per_class: beside top1; by_label: what is lost of each label
    (device/evaluation/by_label.py).
    """

    n: int
    split: str
    top1: float | None = None
    interval: tuple[float, float] | None = None
    agreement: float | None = None
    largest_error: float | None = None
    mean_error: float | None = None
    signal: float | None = None
    drop: float | None = None
    drop_interval: tuple[float, float] | None = None
    balanced: float | None = None
    worst_label: LabelTopOne | None = None
    per_class: tuple[LabelTopOne, ...] | None = None
    by_label: ByLabel | None = None


@dataclass(frozen=True)
class ExportedVariant(ReferenceComparison, _OfVariant):
    """A variant's comparison and its file. failures: why it was not kept; then it has no file.

    Sizes in bytes: of the network alone, of the whole file, of the archive at its end.
    """

    network_bytes: int | None = None
    failures: tuple[str, ...] = ()
    file: str | None = None
    sha256: str | None = None
    file_bytes: int | None = None
    tail_bytes: int | None = None


@dataclass(frozen=True)
class Export:
    """The whole document. reference: "keras", or "float32" where a .tflite was exported."""

    status: str
    inputs: Inputs
    reference: str
    calibration: CalibrationRows
    variants: tuple[ExportedVariant, ...]


def write(folder: Path, made: Export) -> None:
    records.write(folder / NAME, made, SCHEMA)


def read(folder: Path) -> Export:
    """FileNotFoundError where there is none; UserError for one that is damaged or of another schema."""
    path = folder / NAME
    try:
        return records.read(Export, path, SCHEMA, EXPECTED)
    except RecordError as error:
        raise UserError(f"{path}: {error}; {EXPECTED}") from None
    except ValueError:
        raise UserError(f"{path}: this is no JSON; {EXPECTED}") from None


def read_if_whole(folder: Path) -> Export | None:
    """None where there is none that can be read: whoever exports makes it anew."""
    try:
        return read(folder)
    except (OSError, UserError):
        return None
