"""From a camera's frame to its labels: the cost of everything around invoke, and of MediaPipe's ImageClassifier.

    python -m experiments.frames MODEL… [--labels FILE]      four minutes a model; nothing else may run

Frames of 1280x720 are in memory. Each way runs in its own process, interleaved with the others in random order; a ratio
is the median over rounds. That is done twelve times with fresh processes, and the figure is the center of the twelve
with its interval (benchmarks/statistics/stats.py). 'One thread' is pinned to one processor, MediaPipe too, which has no
option for threads. Writes results/frames.json.
"""

import argparse
import json
import random
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from time import perf_counter
from typing import Any

import cv2
import numpy as np
from tqdm import tqdm

from benchmarks.statistics import stats
from device.live.interfaces.frames import Frame, Source
from device.model import card
from experiments import interleaved
from experiments.record import ROOT, write

SETS, ROUNDS, BLOCK_S = 12, 20, 0.1
LOOP_ROUNDS, LOOP_S = 7, 0.5
MEDIAPIPE = ROOT / ".venv-mediapipe/bin/python"
PEER = ROOT / "experiments/mediapipe_frames.py"
WAYS = ("one thread", "two threads", "mediapipe")


def frames() -> list[Any]:
    """Eight frames, BGR: smooth colors that move."""
    source = np.random.default_rng(1).integers(0, 256, (12, 24, 3), np.uint8)
    large = cv2.resize(source, (1600, 800), interpolation=cv2.INTER_CUBIC)
    return [np.ascontiguousarray(large[10 * i : 720 + 10 * i, 20 * i : 1280 + 20 * i]) for i in range(8)]


class Worker(interleaved.Worker):
    """A process that classifies frames on request and returns the time of each; its first block is the warm-up."""

    def __init__(self, command: Sequence[str | Path]) -> None:
        super().__init__(command)
        self.block()

    def block(self) -> list[dict[str, float]]:
        """The times of the next frames in ms, for about BLOCK_S."""
        rows: list[dict[str, float]] = json.loads(self.step(str(BLOCK_S)))
        return rows


def measure(model: Path, labels: Path | None) -> dict[str, Any]:
    """The ratios of one model's ways, over sets of fresh processes."""
    sets = [one_set(model, labels, number) for number in tqdm(range(SETS), desc=model.name, leave=False)]
    return {"file": model.name, "sets": SETS, "rounds": ROUNDS} | {
        key: spread([each[key] for each in sets]) for key in sets[0]
    }


def one_set(model: Path, labels: Path | None, number: int) -> dict[str, float]:
    """Each stage's median time in ms and the ratios of one set of fresh processes. number: draws the order."""
    ours: list[str | Path] = [sys.executable, "-m", "experiments.frames", "--worker", model]
    if labels:
        ours += ["--labels", labels]
    commands: dict[str, list[str | Path]] = {
        "one thread": ["taskset", "-c", "0", *ours, "--threads", "1"],
        "two threads": [*ours, "--threads", "2"],
        "mediapipe": ["taskset", "-c", "0", MEDIAPIPE, PEER, model],
    }
    with ExitStack() as stack:
        order, rounds = random.Random(number), []
        ways = order.sample(WAYS, len(WAYS))
        workers = {way: stack.enter_context(Worker(commands[way])) for way in ways}
        for _ in range(ROUNDS):
            turn = order.sample(WAYS, len(WAYS))
            rounds.append({way: medians(workers[way].block()) for way in turn})
    with interleaved.Worker([*ours, "--loop"]) as loop:
        share = float(np.median(json.loads(loop.step())))
    return {**summary(rounds), "loop_to_bare_invoke": share}


def spread(values: list[float]) -> dict[str, Any]:
    """The center of the sets' figures and its 95 % interval."""
    found = stats.geometric_center(values)
    assert found is not None, "there are sets enough"
    return {"ratio": round(found.middle, 4), "interval": [round(found.low, 4), round(found.high, 4)]}


def medians(rows: list[dict[str, float]]) -> dict[str, float]:
    """Of each stage, over the frames of a block."""
    return {stage: float(np.median([row[stage] for row in rows])) for stage in rows[0]}


def summary(rounds: list[dict[str, dict[str, float]]]) -> dict[str, float]:
    """Medians over the rounds of one set."""
    one = [each["one thread"] for each in rounds]
    frame = [{way: each[way]["frame"] for way in WAYS} for each in rounds]
    figures = {
        "invoke_ms": [each["invoke"] for each in one],
        "around_to_invoke": [(each["preprocess"] + each["postprocess"]) / each["invoke"] for each in one],
        "around_to_one_inter_area": [(each["preprocess"] + each["postprocess"]) / each["inter_area"] for each in one],
        "one_thread_to_mediapipe": [each["one thread"] / each["mediapipe"] for each in frame],
        "two_threads_to_mediapipe": [each["two threads"] / each["mediapipe"] for each in frame],
    }
    return {what: float(np.median(values)) for what, values in figures.items()}


def work(model: Path, threads: int, labels: Path | None) -> None:
    """The worker: for every line on stdin, frames for so many seconds, and a line of JSON."""
    from device.inference.classifier import Classifier
    from device.inference.overrides import NO_OVERRIDES, Overrides

    cv2.setNumThreads(threads)
    classifier = Classifier(model, Overrides(labels=labels) if labels else NO_OVERRIDES, threads)
    tensor_of, shown, number = classifier.preprocessor.stream(), frames(), 0
    side = classifier.size[::-1]
    for line in sys.stdin:
        rows, end = [], perf_counter() + float(line)
        while perf_counter() < end:
            frame = Frame(shown[number % len(shown)])
            number += 1
            start = perf_counter()
            tensor = tensor_of(frame.image, frame.color)
            fed = perf_counter()
            classifier.invoke(tensor)
            invoked = perf_counter()
            classifier.top(classifier.scores(), 5)
            ended = perf_counter()
            cv2.resize(frame.image[:, 280:1000], side, interpolation=cv2.INTER_AREA)
            area = perf_counter() - ended
            spent = {"preprocess": fed - start, "invoke": invoked - fed, "postprocess": ended - invoked}
            spent |= {"frame": ended - start, "inter_area": area}
            rows.append({stage: 1e3 * seconds for stage, seconds in spent.items()})
        print(json.dumps(rows), flush=True)


class Memory(Source):
    """Frames that lie in memory: as many as are asked for, as fast as they are taken."""

    name, is_live, newest_only = "memory", False, False

    def __init__(self, count: int) -> None:
        self.count, self.shown, self.number = count, frames(), 0

    def open(self) -> None:
        """Begins with the first frame again."""
        self.number = 0

    def read(self) -> Frame | None:
        """The next frame; None after `count` of them."""
        self.number += 1
        return Frame(self.shown[self.number % len(self.shown)]) if self.number <= self.count else None


def overlap(model: Path, labels: Path | None) -> None:
    """A worker: the live loop's predictions per second as a share of bare invokes per second, one thread,
    alternating."""
    from device.inference.classifier import Classifier
    from device.inference.overrides import NO_OVERRIDES, Overrides
    from device.live.interfaces.output import Output
    from device.live.loop import Loop
    from device.live.smoothing import Smoother

    cv2.setNumThreads(1)
    classifier = Classifier(model, Overrides(labels=labels) if labels else NO_OVERRIDES, 1)
    classifier.invoke(classifier.preprocessor.stream()(frames()[0], "BGR"))
    for _ in sys.stdin:
        shares = []
        for _ in range(LOOP_ROUNDS):
            start = perf_counter()
            count = 0
            while (bare_s := perf_counter() - start) < LOOP_S:
                classifier.interpreter.invoke()
                count += 1
            source = Memory(count)
            loop = Loop(classifier, Smoother(), Output())
            start = perf_counter()
            loop.run(source)
            shares.append(bare_s / (perf_counter() - start))
        print(json.dumps(shares), flush=True)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("models", nargs="+", type=Path)
    options.add_argument("--labels", type=Path, help="of the models that carry none")
    options.add_argument("--threads", type=int, default=1, help=argparse.SUPPRESS)
    options.add_argument("--worker", action="store_true", help=argparse.SUPPRESS)
    options.add_argument("--loop", action="store_true", help=argparse.SUPPRESS)
    asked = options.parse_args()
    if asked.loop:
        overlap(asked.models[0], asked.labels)
        return
    if asked.worker:
        work(asked.models[0], asked.threads, asked.labels)
        return
    rows = []
    for model in asked.models:
        labels = asked.labels if card.read(model) is None else None
        rows.append(measure(model.resolve(), labels.resolve() if labels else None))
        print(json.dumps(rows[-1], indent=1))
    words = " ".join(model.name for model in asked.models)
    write("frames", rows, f"python -m experiments.frames {words}")


if __name__ == "__main__":
    main()
