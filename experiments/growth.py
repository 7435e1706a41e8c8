"""How the cost of `transfer` grows: its features with images and machines, its head with images and classes.

    python -m experiments.growth        15 minutes on 2 cores; nothing else may run; needs .venv-jax (make test-setup)

Features: EfficientNet-Lite0 at 224x224 on JAX, drawn images, by one process and by two that share them; each process
has one core of its own and a cache of its own, as two machines with one core would. Each count a run of its own; the
seconds are those of the features alone, without imports, with the network's compilation.

Head: a fit on drawn features, 1,280 numbers an image around a center for each class that tells it apart, on one core.

Writes results/growth.json.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from experiments import large
from experiments.record import ROOT, read, write

IMAGES, CLASSES, CHANNELS = (1_000, 10_000, 50_000), (2, 10, 100), 1280
FOLDER_SIZES = (250, 500)
JAX = ROOT / ".venv-jax/bin/python"
PART = """
import os, sys, time
os.sched_setaffinity(0, {int(sys.argv[3])})
os.environ["KERAS_BACKEND"] = "jax"
from train import cache, devices, keras_settings, networks, transfer
from train.recipes import catalog, settings
keras_settings.apply()
changes = [f"data={sys.argv[1]}", "backbone=EfficientNetLite0", "test_split=0.02"]
wanted = settings.change(catalog.get("transfer"), changes)
images = cache.provide(cache.DataRequest.of(wanted, skip_bad=False))
cluster = devices.Cluster(sys.argv[4], int(sys.argv[2]), int(sys.argv[3]))
devices.connect(cluster)
parts = networks.parts(wanted, len(images.labels))
began = time.perf_counter()
transfer.features(parts, wanted, images, cluster)
print(time.perf_counter() - began)
"""


def features(folder: Path, processes: int, place: Path, port: int) -> float:
    """Seconds until every process has all of them."""
    running = []
    for number in range(processes):
        environment = {**os.environ, "FRAMELITE_CACHE": str(place / f"cache{number}"), "PYTHONPATH": str(ROOT)}
        words = [str(JAX), "-c", PART, str(folder), str(processes), str(number), f"127.0.0.1:{port}"]
        running.append(subprocess.Popen(words, env=environment, stdout=subprocess.PIPE, text=True))
    said = [process.communicate()[0] for process in running]
    return max(float(lines.split()[-1]) for lines in said)


def head_seconds(images: int, classes: int) -> float:
    """In a process of its own, on one core."""
    words = [sys.executable, "-m", "experiments.growth", "--head", str(images), str(classes)]
    done = subprocess.run(words, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)
    return float(json.loads(done.stdout))


def fit(images: int, classes: int) -> float:
    """Seconds of one head's fit, on one core. images: their number, shared out evenly over the classes."""
    from train.networks import head

    os.sched_setaffinity(0, {0})
    random = np.random.default_rng(1)
    targets = np.arange(images) % classes
    centers = random.normal(0, 0.3, (classes, CHANNELS)).astype(np.float32)
    given = np.maximum(centers[targets] + random.normal(0, 1, (images, CHANNELS)).astype(np.float32), 0)
    began = time.perf_counter()
    head.fit(given, targets, classes)
    return time.perf_counter() - began


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--head", type=int, nargs=2, help=argparse.SUPPRESS)
    options.add_argument("--only", choices=("head", "features"), help="the other rows stay as they were measured")
    asked = options.parse_args()
    if asked.head:
        print(json.dumps(fit(*asked.head)))
        return
    rows: list[dict[str, Any]] = []
    if asked.only:
        rows = [row for row in read("growth")["results"] if row["what"] != asked.only]
    if asked.only != "features":
        for images in IMAGES:
            for classes in CLASSES:
                rows.append(_said("head", head_seconds(images, classes), images=images, classes=classes))
    if asked.only != "head":
        port = 29_517
        with tempfile.TemporaryDirectory(prefix="framelite-growth-") as name:
            for images in FOLDER_SIZES:
                folder = large.draw(Path(name) / f"images{images}", images)
                for processes in (1, 2):
                    port += 1
                    seconds = features(folder, processes, Path(name) / f"{images}-{processes}", port)
                    rows.append(_said("features", seconds, images=images, processes=processes))
    write("growth", rows, "python -m experiments.growth")


def _said(what: str, seconds: float, **more: int) -> dict[str, Any]:
    row = {"what": what, **more, "seconds": round(seconds, 1)}
    print(row, flush=True)
    return row


if __name__ == "__main__":
    main()
