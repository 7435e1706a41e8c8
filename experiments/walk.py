"""How long walking and hashing a folder of many images takes, and its memory, against another checkout. Interleaved.

    python -m experiments.walk --against CHECKOUT       a few minutes; nothing else may run

Each figure is a fresh process over the same drawn folder, from the disk's cache: `read_folder`, then the hash of every
file. Rounds alternate between the checkouts, so other load affects both.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from device.images import images
from experiments.record import write

ROOT = Path(__file__).resolve().parents[1]
CLASSES = 50
WORKER = """
import json, resource, sys, time
from pathlib import Path
from device.data import folders
from train.data import cache
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
began = time.perf_counter()
folder = folders.read_folder(Path(sys.argv[1]))
walked = time.perf_counter()
hashes = cache._hash_files(folder)
hashed = time.perf_counter()
after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
assert len(hashes) == len(folder.files)
took = {"files": len(folder.files), "walk_s": walked - began, "hash_s": hashed - walked}
print(json.dumps({**took, "grown_kb": after - before}))
"""


def draw(root: Path, count: int) -> Path:
    """JPEG files of 2 to 8 KB in class folders; no two have the same bytes."""
    random = np.random.default_rng(1)
    base = [images.encode_jpeg(random.integers(0, 256, (side, side, 3), np.uint8), 80) for side in (40, 56, 72, 84)]
    for i in range(count):
        folder = root / f"class{i % CLASSES:02}"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{i:06}.jpg").write_bytes(base[i // CLASSES % len(base)] + i.to_bytes(4, "big"))
    return root


def one(checkout: Path, folder: Path) -> dict[str, Any]:
    """Seconds of walking and hashing by a checkout's code, in a fresh process, and how its memory grew in KB."""
    environment = {**os.environ, "PYTHONPATH": str(checkout)}
    done = subprocess.run(
        [sys.executable, "-c", WORKER, str(folder)], cwd=folder, env=environment, capture_output=True, check=True
    )
    return dict(json.loads(done.stdout))


def row(what: str, files: int, took: list[dict[str, Any]]) -> dict[str, Any]:
    """The medians over rounds."""
    whole = [one["walk_s"] + one["hash_s"] for one in took]
    return {
        "what": what,
        "files": files,
        "walk_s": statistics.median(one["walk_s"] for one in took),
        "hash_s": statistics.median(one["hash_s"] for one in took),
        "whole_s": statistics.median(whole),
        "grown_mb": statistics.median(one["grown_kb"] for one in took) / 1024,
        "rounds": len(took),
    }


def measure(against: Path, count: int, rounds: int) -> tuple[list[dict[str, Any]], float]:
    """A row each, and the median over rounds of ours to theirs."""
    took: dict[str, list[dict[str, Any]]] = {"before": [], "ours": []}
    with tempfile.TemporaryDirectory(prefix="framelite-walk-") as name:
        folder = draw(Path(name) / "images", count)
        for number in range(rounds + 1):
            order = [("before", against), ("ours", ROOT)]
            for what, checkout in order if number % 2 else order[::-1]:
                taken = one(checkout, folder)
                assert taken["files"] == count
                if number:  # the first round fills the disk's cache
                    took[what].append(taken)
    pairs = zip(took["ours"], took["before"], strict=True)
    ratios = [(a["walk_s"] + a["hash_s"]) / (b["walk_s"] + b["hash_s"]) for a, b in pairs]
    return [row(what, count, each) for what, each in took.items()], statistics.median(ratios)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--against", type=Path, required=True, metavar="CHECKOUT", help="of the commit before")
    options.add_argument("--files", type=int, default=50_000)
    options.add_argument("--rounds", type=int, default=7)
    asked = options.parse_args()
    rows: list[dict[str, Any]] = []
    ratios = {}
    for count in (asked.files // 10, asked.files):  # memory: does it grow with the files?
        measured, ratios[str(count)] = measure(asked.against.resolve(), count, asked.rounds)
        rows += measured
    write("walk", rows, "python -m experiments.walk --against CHECKOUT", ratio=ratios)
    print(json.dumps({"rows": rows, "ratio": ratios}, indent=1))


if __name__ == "__main__":
    main()
