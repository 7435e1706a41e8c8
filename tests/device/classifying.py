"""What the tests of `device classify` share: a model, images to draw for it, and its answers read back."""

import json
import subprocess
from pathlib import Path
from typing import Any

import numpy as np

from device.images import images
from tests import drawing
from tests.conftest import model

INT8 = model("int8")


def draw(path: Path, label: str, seed: int = 1) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(images.encode_png(drawing.shape(label, np.random.default_rng(seed))))
    return path


def lines(done: subprocess.CompletedProcess[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in done.stdout.splitlines()]
