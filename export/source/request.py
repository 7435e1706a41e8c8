"""The source of an export: the model, its images, and what the user says about them."""

from dataclasses import dataclass
from pathlib import Path

from device.errors import UserError
from device.inference.overrides import NO_OVERRIDES, Overrides
from export.source.calibration import DEFAULT_SAMPLES


@dataclass(frozen=True)
class ExportRequest:
    """Where the model, images and labels come from; the arguments of `export`. UserError for invalid numbers."""

    model: Path
    overrides: Overrides = NO_OVERRIDES
    calibration: Path | None = None
    test: Path | None = None
    run: Path | None = None
    calibration_samples: int = DEFAULT_SAMPLES
    seed: int = 1
    unknown: Path | None = None

    def __post_init__(self) -> None:
        if self.calibration_samples < 1:
            raise UserError(f"{self.calibration_samples} calibration samples were asked for, expected at least 1")
        if self.seed < 0:
            raise UserError(f"the seed is {self.seed}, expected at least 0")
