"""What the tests of this folder share: a run that train made, a stranger's model that export exported, a full disk."""

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.exported import exported, lossy
from tests.trained import trained

__all__ = ["exported", "lossy", "trained"]


@pytest.fixture
def full_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 64 KB."""
    folder = tmp_path / "full"
    folder.mkdir()
    mounted = (
        shutil.which("mount")
        and not subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", folder], capture_output=True
        ).returncode
    )
    if not mounted:
        pytest.skip("a small file system can't be mounted here (it takes root)")
    yield folder
    subprocess.run(["umount", folder], check=True)
