"""What is asked of an export."""

from dataclasses import dataclass
from pathlib import Path

from device.inference import model_spec
from device.inference.model_spec import Overrides
from export.source.calibration import DEFAULT_SAMPLES


@dataclass(frozen=True)
class ExportRequest:
    """What the command line says about where images and labels come from."""

    model: Path
    overrides: Overrides = model_spec.NO_OVERRIDES
    calibration: Path | None = None
    test: Path | None = None
    run: Path | None = None
    calibration_samples: int = DEFAULT_SAMPLES
    seed: int = 1
