"""How much memory `train transfer` and the export of its run take, with one and with four times the images.

    python -m experiments.memory DIR        ten minutes; others may run, memory doesn't depend on them

DIR: class folders with train/ and test/. The more images are DIR's own, moved by a pixel each time, since copies are
distinguished from images. Memory is the sum over the command's whole process tree, sampled ten times a second: pss
shares what several processes map, rss counts it for each of them. Writes results/memory.json.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from device.data import folders
from experiments.record import ROOT, write

FACTORS = (1, 4)


@dataclass(frozen=True)
class Memory:
    """The largest sums that were seen, in bytes."""

    pss: int
    rss: int


def tree(process: int) -> list[int]:
    """A process and all below it (proc(5), children); those that end meanwhile are left out."""
    found = [process]
    try:
        for task in Path(f"/proc/{process}/task").iterdir():
            for child in (task / "children").read_text().split():
                found += tree(int(child))
    except OSError:
        pass
    return found


def memory(process: int) -> Memory:
    """Of one process now, in bytes; 0 of one that has ended."""
    try:
        lines = Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()[1:]
    except OSError:
        return Memory(0, 0)
    sizes = {line.split(":")[0]: 1024 * int(line.split()[1]) for line in lines}
    return Memory(sizes.get("Pss", 0), sizes.get("Rss", 0))


def watch(running: "subprocess.Popen[Any]") -> Memory:
    """The peak of a process until it ends."""
    most = Memory(0, 0)
    while running.poll() is None:
        seen = [memory(process) for process in tree(running.pid)]
        most = Memory(max(most.pss, sum(one.pss for one in seen)), max(most.rss, sum(one.rss for one in seen)))
        time.sleep(0.1)
    if running.returncode:
        raise SystemExit(f"{running.args!r}: exit code {running.returncode}")
    return most


def peak(words: list[str], cache: Path) -> Memory:
    """The peak of `python -m WORDS…`."""
    environment = {**os.environ, "FRAMELITE_CACHE": str(cache)}
    return watch(subprocess.Popen([sys.executable, "-m", *words], cwd=ROOT, env=environment))


def multiplied(data: Path, factor: int, target: Path) -> int:
    """Every image `factor` times over, each time moved by one pixel more; the number of images."""
    files = folders.read_folder(data).files
    for file in files:
        image = cv2.imread(str(file.path))
        assert image is not None, f"{file.path} can't be decoded"
        for number in range(factor):
            place = target / (file.split or "") / file.label / f"{file.path.stem}_{number}.jpg"
            place.parent.mkdir(parents=True, exist_ok=True)
            cv2.imwrite(str(place), np.roll(image, number, axis=1))
    return factor * len(files)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("data", type=Path, metavar="DIR")
    options.add_argument("--factors", type=int, nargs="+", default=list(FACTORS))
    given = options.parse_args()
    rows = []
    for factor in given.factors:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            images = multiplied(given.data, factor, folder / "images")
            run = str(folder / "run")
            train = ["train", "transfer", "--data", str(folder / "images"), "--run", run]
            for command, words in (("train transfer", train), ("export", ["export", run])):
                row = {"command": command, "images": images, **asdict(peak(words, folder / "cache"))}
                print(row, flush=True)
                rows.append(row)
    write("memory", rows, "python -m experiments.memory DIR")


if __name__ == "__main__":
    main()
