"""What quantization cost a variant: its answers beside float32's, image by image, and its latency. A part of
export.json."""

from dataclasses import dataclass, field
from typing import Literal

from device import records
from device.evaluation.by_label import PairedLabel
from device.evaluation.paired import Paired
from device.inference.timing import Latency


@dataclass(frozen=True)
class LabelScore:
    """A prediction: the best label and its score, 0..1."""

    label: str
    score: float


@dataclass(frozen=True)
class Flip:
    """An image that float32 and the variant predict differently.

    image: its place among the images of the comparison. label: the true one, where it is known. file: where the images
    are files.
    """

    image: int
    label: str | None
    float32: LabelScore
    variant: LabelScore
    file: str | None = field(default=None, metadata=records.IF_KNOWN)

    @property
    def kind(self) -> Literal["lost", "won", "other"]:
        """Right in float32 alone, right in the variant alone, or right in neither."""
        if self.label == self.float32.label:
            return "lost"
        return "won" if self.label == self.variant.label else "other"


@dataclass(frozen=True)
class ContactSheet:
    """An image file of the first `count` flips: tiles from left to right, row by row. Each tile has the image in its
    upper square.
    """

    file: str
    columns: int
    count: int


@dataclass(frozen=True)
class QuantizationCost:
    """A variant beside the float32 file, both asked about the same n images.

    changed: images with another prediction. lost and won: right in float32, or in the variant alone; drop: accuracy
    lost, 0.01 for one point, with Bonett and Price's 95 % interval; p: McNemar's, exact and two-sided
    (device/evaluation/paired.py); None where the images have no labels. labels: those with an image lost or won, the
    greatest loss first. flips: of the changed images up to a thousand, lost ones first. latency: of one thread, all
    variants in turns, the ratio to float32's.
    """

    n: int
    changed: int
    lost: int | None = None
    won: int | None = None
    drop: float | None = None
    drop_interval: tuple[float, float] | None = None
    p: float | None = None
    labels: tuple[PairedLabel, ...] = ()
    flips: tuple[Flip, ...] = ()
    latency: Latency | None = None
    sheet: ContactSheet | None = field(default=None, metadata=records.IF_KNOWN)

    @property
    def pairs(self) -> Paired | None:
        return None if self.lost is None or self.won is None else Paired(self.n, self.lost, self.won)
