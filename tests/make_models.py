"""Makes tests/models/shapes_*.tflite: a 10 KB network for the drawn shapes, through train and export themselves.

python -m tests.make_models                   trains it anew, and makes every default variant
python -m tests.make_models --only VARIANT    this one alone, from the committed float32 file
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from device.data.content import file_hash
from device.model import card, variants
from tests import drawing, foreign
from tests.conftest import ROOT, model
from train.data import cache, split
from train.recipes import catalog, settings

RECIPE = "fashion_mnist"
SETTINGS = (
    "image_size=16x16",
    "network=tiny",
    "epochs=12",
    "batch_size=16",
    "learning_rate=0.01",
    "grayscale=false",
)


def main() -> None:
    options = argparse.ArgumentParser(prog="python -m tests.make_models")
    options.add_argument(
        "--only", choices=variants.NAMES[1:], metavar="VARIANT", help="from the committed float32 file"
    )
    variant = options.parse_args().only
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        os.environ |= {"FRAMELITE_CACHE": str(folder / "cache"), "SOURCE_DATE_EPOCH": "1767225600"}
        images = drawing.write_folder(folder / "shapes", {"train": 900, "test": 300})
        run = folder / "shapes_run"
        if variant:
            make_one(variant, images, run)
        else:
            make_all(images, run)
        for file in (run / "export").glob("*.tflite"):
            shutil.copyfile(file, model(file.stem.rpartition("_")[2]))


def make_all(images: Path, run: Path) -> None:
    call("train", RECIPE, "--data", images, "--run", run, *(word for each in SETTINGS for word in ("--set", each)))
    call("export", run, "--drawn-golden")


def make_one(variant: str, images: Path, run: Path) -> None:
    """Exports the float32 file as anyone's model, so that the committed files stay. Its card says so: no recipe and no
    run, but the SHA-256 of the float32 file.
    """
    given = card.read(model("float32"))
    assert given is not None
    float32, labels = images.parent / f"{given.name}_float32.tflite", images.parent / "labels.txt"
    float32.write_bytes(foreign.bare())
    labels.write_text(foreign.LABELS)
    remove_validation(images)
    words = ("--labels", labels, "--scaling", "0..255", "--calibration", images, "--drawn-golden")
    call("export", float32, *words, "--variants", variant, "--run", run)


def remove_validation(images: Path) -> None:
    """What is left of train/ is what the network was trained on, of which a run draws its calibration images."""
    recipe = settings.change(catalog.get(RECIPE), [f"data={images}", *SETTINGS])
    made = cache.provide(cache.DataRequest.of(recipe, skip_bad=False))
    _, rows = split.split_cache(made, recipe)
    hashes = made.hashes("train")
    validation = {hashes[row] for row in rows}
    for path in (images / "train").rglob("*.png"):
        if file_hash(path) in validation:
            path.unlink()


def call(*words: object) -> None:
    subprocess.run([sys.executable, "-m", *map(str, words)], check=True, cwd=ROOT)


if __name__ == "__main__":
    main()
