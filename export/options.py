"""The options of an export besides the model and its images, and their checks."""

import os
from dataclasses import dataclass

from device.errors import UserError
from device.model.variants import DEFAULT, NAMES
from export.confidence.threshold import NO_WISH, ThresholdWish
from export.runtimes import environments
from export.runtimes.environments import OTHER


@dataclass(frozen=True)
class ExportOptions:
    """variants: those to keep. drawn_golden: draw the golden images instead of taking them from the data.

    max_drop: the share of accuracy that a variant may lose, 0 to 1. rescue: search for another int8 file if int8 loses
    more. robustness: also compare float32 and int8 on corrupted test images. runtime: keep only files that run in it.
    threshold: the share that chooses the threshold of `unknown`.

    Raises:
        UserError: options that contradict each other, or are invalid.
    """

    variants: tuple[str, ...] = DEFAULT
    drawn_golden: bool = False
    max_drop: float | None = None
    rescue: bool = False
    robustness: bool = False
    runtime: str | None = None
    threshold: ThresholdWish = NO_WISH

    def __post_init__(self) -> None:
        expected = f"expected some of {', '.join(NAMES)}"
        if not self.variants:
            raise UserError(f"no variant is named, {expected}")
        if unknown := [name for name in self.variants if name not in NAMES]:
            raise UserError(f"unknown variant {unknown[0]!r}, {expected}")
        if self.max_drop is not None and not 0 < self.max_drop < 1:
            raise UserError(
                f"max_drop is {self.max_drop:g}, expected a share of accuracy between 0 and 1, such as 0.005 for half a"
                " point"
            )
        if self.max_drop is not None and self.variants == ("float32",):
            raise UserError(
                "the variants are float32 alone, and max_drop (--max-drop) judges what others lose to it; add one, such"
                " as int8"
            )
        if self.rescue and self.max_drop is None:
            raise UserError("rescue needs max_drop (--max-drop POINTS), accuracy that int8 may lose; give it too")
        if self.rescue and "int8" not in self.variants:
            raise UserError("rescue looks for another int8 file, expected int8 among the variants (--variants); add it")
        if self.robustness and (missing := {"float32", "int8"} - set(self.variants)):
            raise UserError(
                "robustness compares int8 with float32, expected both among the variants (--variants); add"
                f" {' and '.join(sorted(missing))}"
            )
        if self.runtime not in (None, OTHER):
            raise UserError(f"unknown runtime {self.runtime!r}, expected {OTHER} (LiteRT runs every file)")
        if self.runtime:
            environments.needed()


def check_epoch() -> None:
    """See https://reproducible-builds.org/specs/source-date-epoch"""
    epoch = os.environ.get("SOURCE_DATE_EPOCH")
    if epoch and not (epoch.isascii() and epoch.isdigit() and len(epoch) < 12):
        raise UserError(f"SOURCE_DATE_EPOCH is {epoch!r}, expected seconds since 1970, such as 1700000000")
