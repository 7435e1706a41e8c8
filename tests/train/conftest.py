"""What the tests of this folder share: a run that train made, and a folder of one level."""

from pathlib import Path

import pytest

from tests import drawing
from tests.trained import trained

__all__ = ["trained"]


@pytest.fixture
def flat(tmp_path: Path) -> Path:
    """A folder of one level: 20 images of each of three labels."""
    return drawing.write_folder(tmp_path / "flat", {None: 60})
