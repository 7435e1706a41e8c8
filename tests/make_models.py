"""Makes tests/models/shapes_*.tflite: a 10 KB network for the drawn shapes, through train and export themselves.

python -m tests.make_models
"""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from tests import drawing

ROOT = Path(__file__).resolve().parents[1]


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        images = drawing.write_folder(folder / "shapes", {"train": 900, "test": 300})
        environment = {**os.environ, "FRAMELITE_CACHE": str(folder / "cache"), "SOURCE_DATE_EPOCH": "1767225600"}
        run = folder / "shapes_run"
        settings = [
            "image_size=16x16",
            "network=tiny",
            "epochs=12",
            "batch_size=16",
            "learning_rate=0.01",
            "grayscale=false",
        ]
        train = ["train", "fashion_mnist", "--data", str(images), "--run", str(run)]
        for words in (
            [*train, *(word for setting in settings for word in ("--set", setting))],
            ["export", str(run), "--drawn-golden"],
        ):
            subprocess.run([sys.executable, "-m", *words], check=True, cwd=ROOT, env=environment)
        for file in (run / "export").glob("*.tflite"):
            variant = file.stem.rpartition("_")[2]
            shutil.copyfile(file, ROOT / f"tests/models/shapes_{variant}.tflite")


if __name__ == "__main__":
    main()
