"""What the front door costs: a call beside its bare steps, ten thousand images, the import.

    python -m experiments.front_door [--images 10000] [--part call,map,import]

Twenty minutes, `call` alone half a minute; nothing else may run. Each part replaces its own rows.

call: `classifier(path)` with its label and score, of a 32x32 PNG, beside the steps that it can't do without (read,
preprocess, invoke, scores, the best five). A pair is two fresh, interleaved processes (experiments/interleaved.py).
map: `classifier.map` over so many drawn images and over a tenth of them: images a second, processors busy, peak memory.
import: `import framelite` in fresh processes, in ms. Writes results/front_door.json.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from device import files
from device.host import system
from device.images import images
from experiments.classify_cost import draw
from experiments.interleaved import Side, compare
from experiments.record import RESULTS, ROOT, read, write

MODEL = ROOT / "device/models/cifar10_int8.tflite"
PAIRS, ROUNDS, CALLS = 10, 60, 50
IMPORTS = 21
PARTS = ("call", "map", "import")
WORKER = """
import sys, time
from pathlib import Path
from framelite import Classifier
from device.images import images
side, model, image = sys.argv[1], sys.argv[2], Path(sys.argv[3])
classifier = Classifier(model)
def call():
    prediction = classifier(image)
    return prediction.label, prediction.score
def steps():
    classifier.invoke(classifier.preprocessor(images.read(image)))
    return classifier.top(classifier.scores(), 5)
one = {"call": call, "steps": steps}[side]
for line in sys.stdin:
    began = time.perf_counter()
    for _ in range(int(sys.argv[4])):
        one()
    print(time.perf_counter() - began, flush=True)
"""
MAP = """
import json, sys, time
from pathlib import Path
from benchmarks.timing.memory import high_water_mark
from framelite import Classifier
classifier = Classifier(sys.argv[1])
paths = sorted(Path(sys.argv[2]).iterdir())
began, busy = time.perf_counter(), time.process_time()
count = sum(1 for _ in classifier.map(paths))
took = time.perf_counter() - began
found = {"images": count, "per_second": count / took, "processors": (time.process_time() - busy) / took}
print(json.dumps({**found, "peak_bytes": high_water_mark()}))
"""
IMPORT = """
import time
began = time.perf_counter()
import framelite
print(1e3 * (time.perf_counter() - began))
"""


def fresh(code: str, *words: object) -> Any:
    """What a fresh process prints, as JSON."""
    command = [sys.executable, "-c", code, *map(str, words)]
    return json.loads(subprocess.check_output(command, cwd=ROOT, stderr=subprocess.DEVNULL))


def call(folder: Path, pairs: int, rounds: int) -> dict[str, Any]:
    """`classifier(path)` to its bare steps: the ratio of times with its interval.

    pairs: of fresh processes; rounds: turns of each pair.
    """
    image = folder / "one.png"
    drawn = np.random.default_rng(1).integers(0, 256, (32, 32, 3), np.uint8)
    files.write_bytes(image, images.encode_png(drawn))

    def side(name: str) -> Side:
        """The process of one side."""
        return Side([sys.executable, "-c", WORKER, name, MODEL, image, str(CALLS)])

    ratio = compare(side("call"), side("steps"), pairs, rounds, "call")
    return {"what": "call", **vars(ratio), "calls_a_turn": CALLS}


def mapped(folder: Path, count: int) -> dict[str, Any]:
    """Images a second, processors busy and peak memory of `map` over `count` drawn images, in a fresh process."""
    folder.mkdir()
    draw(folder, count)
    return {"what": "map", **fresh(MAP, MODEL, folder)}


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--images", type=int, default=10_000)
    options.add_argument("--pairs", type=int, default=PAIRS)
    options.add_argument("--rounds", type=int, default=ROUNDS)
    options.add_argument("--into", default="front_door", metavar="NAME", help="results/NAME.json (default front_door)")
    options.add_argument("--part", type=lambda text: text.split(","), default=list(PARTS), help="default: all")
    given = options.parse_args()
    is_kept = (RESULTS / f"{given.into}.json").exists() and set(given.part) != set(PARTS)
    rows = [row for row in read(given.into)["results"] if row["what"] not in given.part] if is_kept else []
    with tempfile.TemporaryDirectory(prefix="framelite-front-door-") as name:
        folder = Path(name)
        if "call" in given.part:
            rows.append(call(folder, given.pairs, given.rounds))
        if "map" in given.part:
            rows += [mapped(folder / str(count), count) for count in (given.images // 10, given.images)]
    if "import" in given.part:
        took = [fresh(IMPORT) for _ in range(IMPORTS)]
        rows.append({"what": "import", "ms": statistics.median(took), "most_ms": max(took), "processes": IMPORTS})
    rows.sort(key=lambda row: PARTS.index(row["what"]))
    write(given.into, rows, "python -m experiments.front_door", cores=system.usable_cores())


if __name__ == "__main__":
    main()
