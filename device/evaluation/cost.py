"""What quantization costs a variant: its predictions and its latency beside float32's. A part of export.json."""

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

    image: its index among the compared images. label: the true one, or None if unknown. file: its path, if it has one.
    """

    image: int
    label: str | None
    float32: LabelScore
    variant: LabelScore
    file: str | None = field(default=None, metadata=records.IF_KNOWN)

    @property
    def kind(self) -> Literal["lost", "won", "other"]:
        """lost: only float32 is right; won: only the variant is; other: neither is."""
        if self.label == self.float32.label:
            return "lost"
        return "won" if self.label == self.variant.label else "other"


@dataclass(frozen=True)
class ContactSheet:
    """An image file with the first `count` flips as tiles, row by row; each image is in its tile's upper square."""

    file: str
    columns: int
    count: int


@dataclass(frozen=True)
class QuantizationCost:
    """A variant beside the float32 file on the same n images.

    changed: the number of images with another prediction. lost, won: images that only float32, or only the variant,
    gets right. drop: the accuracy that the variant loses (0.01: one point), with Bonett and Price's 95 % interval. p:
    McNemar's, exact and two-sided (device/evaluation/paired.py). None without labels. labels: those with an image lost
    or won, the greatest loss first. flips: at most a thousand changed images, lost ones first. latency: on one thread,
    interleaved with all variants; its ratio is to float32's.
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
