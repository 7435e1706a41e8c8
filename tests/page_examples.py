"""The examples of README and docs/python.md, and the folder that they are run in, beside the files that they name."""

import re
from pathlib import Path

import numpy as np
from PIL import Image as Pil

from tests import drawing
from tests.conftest import ROOT, model
from tests.device import crafted

PAGES = (ROOT / "README.md", ROOT / "docs/python.md")
EXAMPLES = [
    example
    for page in PAGES
    for example in re.findall(r"^```python\n(.*?)^```", page.read_text(encoding="utf-8"), re.M | re.S)
]
# In environments of their own: tests/peers/test_ray.py.
ELSEWHERE = [example for example in EXAMPLES if "import ray" in example]
HERE = [example for example in EXAMPLES if example not in ELSEWHERE]


def lay_out(folder: Path) -> Path:
    for variant in ("int8", "float32"):
        (folder / f"doors_{variant}.tflite").write_bytes(model(variant).read_bytes())
    (folder / "cifar10_int8.tflite").write_bytes((ROOT / "device/models/cifar10_int8.tflite").read_bytes())
    crafted.write(folder / "other.tflite", crafted.constant([0.2, 0.8]))
    (folder / "labels.txt").write_text("cat\ndog\n")
    drawing.write_folder(folder / "shapes", {"train": 60, "test": 30})
    (folder / "images").mkdir()
    more = [f"images/{number:02}.jpg" for number in range(10)]  # enough to calibrate with
    for name in ("door.jpg", "images/one.jpg", "images/two.jpg", *more):
        drawn = drawing.shape("square", np.random.default_rng(len(name)), (60, 80))
        Pil.fromarray(drawn).save(folder / name, quality=95)
    return folder
