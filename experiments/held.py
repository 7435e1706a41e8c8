"""What it costs that `live` holds the bytes of its model in place of mapping the file: a frame, the start, memory.

    python -m experiments.held MODEL [--labels FILE]      three minutes; nothing else may run

Ten pairs of fresh processes, one per way, interleaved every few frames of 1280x720; a frame's time is the thread's own,
and its ratio the median over rounds. The start is from the module's call to the first prediction for an image in
memory, imports left out. Intervals over pairs (benchmarks/statistics/stats.py). Writes results/held.json.
"""

import argparse
import json
import random
import sys
from contextlib import ExitStack
from pathlib import Path
from time import perf_counter, thread_time
from typing import Any

import numpy as np
from tqdm import tqdm

from experiments import frames
from experiments.interleaved import Worker
from experiments.record import write

PAIRS, ROUNDS, FRAMES = 10, 40, 4
WAYS = {"mapped": False, "held": True}


def work(model: Path, labels: Path | None, held: bool) -> None:
    """The worker: a line with the start's ms and the resident bytes, then the ms of a frame for every line on stdin."""
    from benchmarks.timing import memory
    from device.inference.classifier import Classifier
    from device.inference.overrides import NO_OVERRIDES, Overrides

    shown = frames.frames()
    began = perf_counter()
    classifier = Classifier(model, Overrides(labels=labels) if labels else NO_OVERRIDES, 1, held=held)
    tensor_of = classifier.preprocessor.stream()
    classifier.invoke(tensor_of(shown[0], "BGR"))
    classifier.top(classifier.scores(), 5)
    started = 1e3 * (perf_counter() - began)
    for number, _ in enumerate(sys.stdin):
        if number == 0:
            print(json.dumps({"start_ms": started, "peak_bytes": memory.high_water_mark()}), flush=True)
            continue
        began = thread_time()
        for each in range(FRAMES):
            classifier.invoke(tensor_of(shown[each % len(shown)], "BGR"))
            classifier.top(classifier.scores(), 5)
        print(1e3 * (thread_time() - began) / FRAMES, flush=True)


def pair(model: Path, labels: Path | None, number: int) -> dict[str, float]:
    """held to mapped: frame and start as ratios, memory as bytes more."""
    order = random.Random(number)
    command = [sys.executable, "-m", "experiments.held", str(model), *(["--labels", str(labels)] if labels else [])]
    with ExitStack() as stack:
        workers = {
            way: stack.enter_context(Worker([*command, "--way", way])) for way in order.sample(list(WAYS), len(WAYS))
        }
        begun = {way: json.loads(worker.step()) for way, worker in workers.items()}
        rounds = [
            {way: float(workers[way].step()) for way in order.sample(list(WAYS), len(WAYS))} for _ in range(ROUNDS)
        ]
    return {
        "frame": float(np.median([each["held"] / each["mapped"] for each in rounds])),
        "start": begun["held"]["start_ms"] / begun["mapped"]["start_ms"],
        "more_bytes": begun["held"]["peak_bytes"] - begun["mapped"]["peak_bytes"],
        "frame_ms": float(np.median([each["mapped"] for each in rounds])),
        "start_ms": begun["mapped"]["start_ms"],
    }


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("model", type=Path)
    options.add_argument("--labels", type=Path, help="where the model carries none")
    options.add_argument("--way", choices=WAYS, help=argparse.SUPPRESS)
    asked = options.parse_args()
    model, labels = asked.model.resolve(), asked.labels and asked.labels.resolve()
    if asked.way:
        work(model, labels, WAYS[asked.way])
        return
    pairs = [pair(model, labels, number) for number in tqdm(range(PAIRS), desc=model.name)]
    row: dict[str, Any] = {"file": model.name, "bytes": model.stat().st_size, "pairs": PAIRS, "rounds": ROUNDS}
    for what in ("frame", "start"):
        row[what] = frames.spread([each[what] for each in pairs])
    for what in ("more_bytes", "frame_ms", "start_ms"):
        row[what] = round(float(np.median([each[what] for each in pairs])), 3)
    print(json.dumps(row, indent=1))
    write("held", [row], f"python -m experiments.held {model.name}")


if __name__ == "__main__":
    main()
