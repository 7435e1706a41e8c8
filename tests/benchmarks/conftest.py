"""What several tests of benchmarks begin with: a run folder as export leaves it."""

import shutil
from pathlib import Path

import pytest

from tests.conftest import model


@pytest.fixture
def run_folder(tmp_path: Path) -> Path:
    """Of two variants."""
    folder = tmp_path / "runs/shapes"
    (folder / "export").mkdir(parents=True)
    for variant in ("int8", "float32"):
        shutil.copyfile(model(variant), folder / f"export/shapes_{variant}.tflite")
    return folder
