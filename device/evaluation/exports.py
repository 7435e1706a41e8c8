"""export.json: which files an export left, what each of them was compared with, and what decided the result.

Written by `export`, read by it again and by `benchmarks`. It lies beside the files it names.
"""

from dataclasses import dataclass, field, fields
from pathlib import Path

from device import records
from device.errors import UserError
from device.evaluation.by_label import ByLabel
from device.evaluation.confidence import ConfidenceInputs, FittedConfidence
from device.evaluation.cost import QuantizationCost
from device.evaluation.evaluate import LabelTopOne
from device.evaluation.robustness import Robustness
from device.evaluation.runtimes import RuntimeResults
from device.evaluation.scaling_choice import ScalingChoice
from device.model.card import InputSpec

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
    the test images' files and labels; None for a run, whose model_sha256 stands for its data too. max_drop: of a
    rescue, a share of accuracy; rescue_sha256: of the images that judge it, as test_sha256. runtime: in which every
    file has to run, beside LiteRT. confidence: what decides the card's, where something beside the model does.
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
    max_drop: float | None = field(default=None, metadata=records.IF_KNOWN)
    rescue_sha256: str | None = field(default=None, metadata=records.IF_KNOWN)
    runtime: str | None = field(default=None, metadata=records.IF_KNOWN)
    confidence: ConfidenceInputs | None = field(default=None, metadata=records.IF_KNOWN)


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
    (device/evaluation/by_label.py). confidence: how sure the file's scores are, and what its card says of it.
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
    confidence: FittedConfidence | None = field(default=None, metadata=records.IF_KNOWN)


@dataclass(frozen=True)
class LayerError:
    """How far one layer's numbers are from float32's, over some calibration images.

    mse: mean squared error. signal: the mean square of float32's numbers to it, in dB, at most 120.
    """

    layer: str
    operator: str
    mse: float
    signal: float


@dataclass(frozen=True)
class ExportedVariant(ReferenceComparison, _OfVariant):
    """A variant's comparison and its file. failures: why it was not kept; then it has no file.

    Sizes in bytes: of the network alone, of the whole file, of the archive at its end. layers: of int8, the noisiest
    first. cost: beside the float32 file. runtimes: in which it was tried, LiteRT first.
    """

    network_bytes: int | None = None
    failures: tuple[str, ...] = ()
    file: str | None = None
    sha256: str | None = None
    file_bytes: int | None = None
    archive_bytes: int | None = None
    layers: tuple[LayerError, ...] | None = field(default=None, metadata=records.IF_KNOWN)
    cost: QuantizationCost | None = field(default=None, metadata=records.IF_KNOWN)
    runtimes: RuntimeResults | None = field(default=None, metadata=records.IF_KNOWN)


# What `means` says of the file that a rescue begins with, and of files made of a float network with equalized channels.
PLAIN, EQUALIZED = "plain", "equalized"
# What the file that a rescue makes is called, beside the variants.
RESCUED = "int8_rescued"
# What is drawn beside export.json: what speaks for int8's wrong predictions, and accuracy on corrupted images.
EXPLAINED_IMAGE, ROBUSTNESS_IMAGE = "explained_int8.png", "robustness.png"


@dataclass(frozen=True)
class RescueStep:
    """A file that was tried, beside float32 on n validation images.

    lost and won: right in float32, or in this file alone. latency_ratio: to the plain int8 file's, measured in turns;
    None where the interpreter can't load it. is_on_front: no other is better and as fast, or faster and as good.
    mean_error: the mean difference of a score from float32's.
    """

    means: str
    network_bytes: int
    latency_ms: float | None
    latency_ratio: float | None
    n: int
    lost: int
    won: int
    drop: float
    drop_interval: tuple[float, float]
    is_on_front: bool
    is_chosen: bool
    mean_error: float | None = None


@dataclass(frozen=True)
class Rescue:
    """What brought int8's drop inside max_drop (0.005 for half a point), or as near to it as was found.

    split: where the images of the steps come from. comparison: of the chosen file with the source, on test images;
    cost: of that file, beside the float32 file. file, sha256 and file_bytes: the chosen file's; None where that is the
    plain one, or isn't sound. shares_images: whether the steps' images are among the comparison's, because the run has
    no others; then the chosen file may lose more than the comparison says.
    """

    max_drop: float
    split: str
    steps: tuple[RescueStep, ...]
    comparison: ReferenceComparison
    file: str | None = None
    sha256: str | None = None
    file_bytes: int | None = None
    runtimes: RuntimeResults | None = field(default=None, metadata=records.IF_KNOWN)
    cost: QuantizationCost | None = field(default=None, metadata=records.IF_KNOWN)
    shares_images: bool = False

    @property
    def chosen(self) -> str:
        """What the chosen file was made by."""
        return next(step.means for step in self.steps if step.is_chosen)

    @property
    def is_equalized(self) -> bool:
        """Whether the rescued file was made of a float network with equalized channels."""
        return self.file is not None and EQUALIZED in self.chosen.split(", ")

    @property
    def row(self) -> ExportedVariant | None:
        """The rescued file as a row beside the variants; None where there is none."""
        if self.file is None:
            return None
        return ExportedVariant(
            RESCUED,
            **{each.name: getattr(self.comparison, each.name) for each in fields(ReferenceComparison)},
            file=self.file,
            sha256=self.sha256,
            file_bytes=self.file_bytes,
            cost=self.cost,
            runtimes=self.runtimes,
        )


@dataclass(frozen=True)
class Export:
    """The whole document. reference: "keras", "tensorflow" of a SavedModel, or "float32" of a .tflite."""

    status: str
    inputs: Inputs
    reference: str
    calibration: CalibrationRows
    variants: tuple[ExportedVariant, ...]
    rescue: Rescue | None = field(default=None, metadata=records.IF_KNOWN)
    robustness: Robustness | None = field(default=None, metadata=records.IF_KNOWN)
    scaling: ScalingChoice | None = field(default=None, metadata=records.IF_KNOWN)

    @property
    def rows(self) -> list[ExportedVariant]:
        """A row a variant, and one for the rescued file."""
        row = self.rescue.row if self.rescue else None
        return [*self.variants, *([row] if row else [])]

    @property
    def int8(self) -> ExportedVariant | None:
        """The plain int8 file's row; None where it was not asked for."""
        return next((row for row in self.variants if row.variant == "int8"), None)

    @property
    def chosen(self) -> ExportedVariant | None:
        """After a rescue, the row of the file that it chose; None where that isn't sound and was not kept."""
        if self.rescue is None:
            return None
        if self.rescue.row:
            return self.rescue.row
        return self.int8 if self.int8 and self.int8.file and self.rescue.chosen == PLAIN else None

    @property
    def standing(self) -> list[ExportedVariant]:
        """A row a variant; the rescued file's in the place of int8's."""
        better = self.rescue.row if self.rescue else None
        return [better if better and row.variant == "int8" else row for row in self.variants]


def write(folder: Path, made: Export) -> None:
    records.write(folder / NAME, made, SCHEMA)


def read(folder: Path) -> Export:
    """FileNotFoundError where there is none; UserError for one that is damaged or of another schema."""
    path = folder / NAME
    return records.require(Export, path.read_bytes(), str(path), SCHEMA, EXPECTED, EXPECTED)


def read_if_whole(folder: Path) -> Export | None:
    """None where there is none that can be read: whoever exports makes it anew."""
    try:
        return read(folder)
    except (OSError, UserError):
        return None
