"""Two hundred thousand images at 224x224: decoding into the cache, beside Keras' own way; an epoch from the disk.

    python -m experiments.large [--images 200000] [--in-memory 8000]

Half an hour, 35 GB of disk; nothing else may run.

Drawn JPEG files of 256x256 in 20 class folders, no two with the same bytes. Three processes, one after the other:
- cache: `python -m train data`, which walks, hashes, decodes and writes; images a second of the whole command.
- keras: keras.utils.image_dataset_from_directory at the same size, one epoch of batches of 64.
- epoch: batches of 128 as training draws them, shuffled, from the cache on the disk, and of so many of its images that
  the system holds them in memory after a first pass; images a second.
Memory is the peak over the process tree (experiments/memory.py). Writes results/large.json.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from device.images import images
from experiments import memory
from experiments.record import ROOT, write

CLASSES, SIDE, BASES = 20, 224, 64
KERAS = """
import sys, keras
images = keras.utils.image_dataset_from_directory(
    sys.argv[1], image_size=(224, 224), batch_size=64, crop_to_aspect_ratio=True, verbose=False
)
print(sum(len(batch) for batch, _ in images))
"""
EPOCH = """
import json, sys, time
from dataclasses import replace
from pathlib import Path
import numpy as np
from device.data import folders
from train.data.batches import Batches
from train.recipes import catalog, settings
class Held:
    def __init__(self, cache, count):
        self.labels, self.images, self.numbers = cache.labels, cache.images("train")[:count], cache.targets("train")
    def images(self, split): return self.images
    def targets(self, split): return self.numbers[: len(self.images)]
cache = folders.open_cache(Path(sys.argv[1]))
count = int(sys.argv[2])
recipe = settings.replaced(catalog.get("fashion_mnist"), image_size=cache.size, batch_size=128, horizontal_flip=False)
def rate(source, images):
    batches = Batches(source, np.arange(images), recipe)
    began = time.perf_counter()
    shown = sum(len(batches[i][0]) for i in range(len(batches)))
    return shown / (time.perf_counter() - began)
held = Held(cache, count)
rate(held, count)
print(json.dumps({"disk": rate(cache, len(cache.targets("train"))), "memory": rate(held, count)}))
"""


def draw(root: Path, count: int) -> Path:
    """JPEG files of about 10 KB; the decoder stops at an image's end, behind which each has its number."""
    random = np.random.default_rng(1)
    bases = []
    for _ in range(BASES):
        smooth = cv2.resize(random.integers(0, 256, (16, 16, 3), np.uint8), (256, 256), interpolation=cv2.INTER_CUBIC)
        noise = random.normal(0, 6, smooth.shape)
        bases.append(images.encode_jpeg(np.clip(smooth + noise, 0, 255).astype(np.uint8), 80))
    for i in range(count):
        folder = root / f"class{i % CLASSES:02}"
        if i < CLASSES:
            folder.mkdir(parents=True)
        (folder / f"{i:06}.jpg").write_bytes(bases[i % BASES] + i.to_bytes(4, "big"))
    return root


def watched(words: list[str], cache: Path) -> tuple[float, memory.Memory, str]:
    """Seconds, peak memory and output of a Python process."""
    environment = {**os.environ, "FRAMELITE_CACHE": str(cache), "PYTHONPATH": str(ROOT), "TF_CPP_MIN_LOG_LEVEL": "3"}
    began = time.perf_counter()
    with tempfile.TemporaryFile("w+") as out:
        running = subprocess.Popen([sys.executable, *words], cwd=ROOT, env=environment, stdout=out)
        most = memory.watch(running)
        out.seek(0)
        return time.perf_counter() - began, most, out.read()


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--images", type=int, default=200_000)
    options.add_argument("--in-memory", type=int, default=8_000)
    asked = options.parse_args()
    rows: list[dict[str, Any]] = []

    def keep(what: str, images: int, seconds: float | None, rate: float, most: memory.Memory | None) -> None:
        """Adds a row. seconds: of the whole command; rate: images a second; most: its peak memory."""
        peak = dict.fromkeys(("pss", "rss")) if most is None else asdict(most)
        rows.append({"what": what, "images": images, "seconds": seconds, "images_per_s": round(rate, 1), **peak})
        print(rows[-1], flush=True)

    with tempfile.TemporaryDirectory(prefix="framelite-large-") as name:
        folder, cache = draw(Path(name) / "images", asked.images), Path(name) / "cache"
        data = ["-m", "train", "data", str(folder), "--size", f"{SIDE}x{SIDE}", "--test", "0.01"]
        for what, words in (("keras", ["-c", KERAS, str(folder)]), ("cache", data)):
            seconds, most, _ = watched(words, cache)
            keep(what, asked.images, round(seconds, 1), asked.images / seconds, most)
        (made,) = cache.iterdir()
        seconds, most, out = watched(["-c", EPOCH, str(made), str(asked.in_memory)], cache)
        rates = json.loads(out.splitlines()[-1])
        keep("epoch from the disk", asked.images, None, rates["disk"], most)
        keep("epoch from memory", asked.in_memory, None, rates["memory"], None)
    write("large", rows, "python -m experiments.large")


if __name__ == "__main__":
    main()
