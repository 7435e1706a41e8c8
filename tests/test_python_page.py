"""Every example of docs/python.md, in a process of its own, beside the files that it names."""

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pil

from tests import drawing
from tests.conftest import ROOT, model
from tests.device import crafted

EXAMPLES = re.findall(r"^```python\n(.*?)^```", (ROOT / "docs/python.md").read_text(encoding="utf-8"), re.M | re.S)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    here = tmp_path_factory.mktemp("program")
    (here / "doors_int8.tflite").write_bytes(model("int8").read_bytes())
    crafted.write(here / "other.tflite", crafted.constant([0.2, 0.8]))
    (here / "labels.txt").write_text("cat\ndog\n")
    (here / "images").mkdir()
    for name in ("door.jpg", "images/one.jpg", "images/two.jpg"):
        Pil.fromarray(drawing.shape("square", np.random.default_rng(2), (60, 80))).save(here / name, quality=95)
    return here


def test_there_are_examples() -> None:
    assert len(EXAMPLES) >= 5


@pytest.mark.parametrize("number", range(len(EXAMPLES)))
def test_an_example_runs_and_prints(number: int, folder: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", EXAMPLES[number]],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()


def test_every_public_name_has_an_example() -> None:
    import device

    page = "\n".join(EXAMPLES)
    results = {"Prediction", "UserError"}  # what the others give, or are kinds of
    assert all(re.search(rf"\b{name}\b", page) for name in set(device.__all__) - results)
