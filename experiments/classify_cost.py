"""The cost of `device classify`: process start to prediction, peak memory, and a folder of 10,000 images in one call.

    python -m experiments.classify_cost MODEL [--images 10000]

MODEL: an exported file such as runs/fashion_mnist/export/fashion_mnist_int8.tflite. The images are drawn, 160x120
JPEG. Whole processes, timed from outside; peak memory is VmHWM, read by the process itself at its end.
"""

import argparse
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from experiments.record import write

# Runs device's own main and then says how much memory the process had at most.
WRAPPED = """
import runpy, sys
sys.argv = ["device", *sys.argv[1:]]
try:
    runpy.run_module("device", run_name="__main__")
except SystemExit as end:
    for line in open("/proc/self/status"):
        if line.startswith("VmHWM:"):
            print(int(line.split()[1]) * 1024, file=sys.stderr)
    raise
"""


def draw(folder: Path, count: int) -> None:
    """Writes `count` JPEG files of 160x120, all different."""
    random = np.random.default_rng(1)
    for i in range(count):
        small = random.integers(0, 256, (6, 8, 3), np.uint8)
        cv2.imwrite(str(folder / f"{i:05}.jpg"), cv2.resize(small, (160, 120), interpolation=cv2.INTER_CUBIC))


def classify(model: Path, source: Path) -> dict[str, Any]:
    """One whole process: wall and processor seconds, peak bytes."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    start = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-c", WRAPPED, "classify", str(model), str(source)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[1])},
    )
    wall = time.monotonic() - start
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    busy = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {"wall_s": wall, "processor_s": busy, "peak_bytes": int(done.stderr.splitlines()[-1])}


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("model", type=Path)
    options.add_argument("--images", type=int, default=10_000)
    asked = options.parse_args()
    with tempfile.TemporaryDirectory() as name:
        few, many = Path(name) / "few", Path(name) / "many"
        for folder, count in ((few, asked.images // 10), (many, asked.images)):
            folder.mkdir()
            draw(folder, count)
        one = [classify(asked.model, few / "00000.jpg") for _ in range(21)][1:]
        rows = [
            {"images": 1, "processes": len(one), **{key: statistics.median(r[key] for r in one) for key in one[0]}},
            {"images": asked.images // 10, "processes": 1, **classify(asked.model, few)},
            {"images": asked.images, "processes": 1, **classify(asked.model, many)},
        ]
    command = f"python -m experiments.classify_cost runs/fashion_mnist/export/{asked.model.name}"
    write("classify_cost", rows, command, wall_s_max=max(r["wall_s"] for r in one), model=asked.model.name)


if __name__ == "__main__":
    main()
