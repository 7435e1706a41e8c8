"""What a change must not alter, compared with another checkout: the cost of a frame, and the result of training.

    python -m experiments.unchanged --against CHECKOUT [--model FILE --labels FILE]

Half an hour; nothing else may run.

A frame's way: 1280x720 to labels in CPU time of the thread. A pair is two processes, one per checkout, interleaved
every few frames; its ratio is the median over rounds, the figure the mean of the logarithms over pairs with its t
interval. Training: fashion_mnist in full in each checkout, the networks' weights compared bit by bit. Writes
results/unchanged.json.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from experiments.interleaved import Side, compare
from experiments.record import ROOT, write
from train.run import evaluation

PAIRS, ROUNDS = 10, 60
RECIPE = "fashion_mnist"
WORKER = """
import sys
sys.path.insert(0, sys.argv[1])
import time
from pathlib import Path
import numpy as np
from device.inference.classifier import Classifier
from device.inference.model_spec import Overrides
model, labels, count = Path(sys.argv[2]), sys.argv[3], int(sys.argv[4])
classifier = Classifier(model, Overrides(labels=Path(labels)) if labels else Overrides())
if hasattr(classifier, "preprocessor"):
    stream = classifier.preprocessor.stream()
    tensor_of = lambda image: stream(image, "BGR")
else:  # a checkout from before there was one
    from device.live.frame_path import FramePath
    from device.live.frames import Frame
    path = FramePath(classifier)
    tensor_of = lambda image: path.tensor(Frame(image))
random = np.random.default_rng(0)
frames = [random.integers(0, 256, (720, 1280, 3), np.uint8) for _ in range(4)]
for line in sys.stdin:
    began = time.thread_time()
    for number in range(count):
        classifier.invoke(tensor_of(frames[number % 4]))
        classifier.top(classifier.scores(), 5)
    print(time.thread_time() - began, flush=True)
"""


def frame(against: Path, model: Path, labels: Path | None, count: int) -> dict[str, Any]:
    """The ratio of a frame's time to that of the other checkout, with its interval. count: frames in a turn."""

    def side(checkout: Path) -> Side:
        return Side([sys.executable, "-c", WORKER, checkout, model, labels or "", str(count)], checkout)

    ratio = compare(side(ROOT), side(against), PAIRS, ROUNDS, model.name)
    return {"what": f"a frame's way, {model.name}", **vars(ratio), "frames_a_turn": count}


def trained(checkout: Path, run: Path) -> Path:
    """Trains a recipe with a checkout's own code, its image cache beside the run."""
    environment = {**os.environ, "FRAMELITE_CACHE": str(run.with_suffix(".cache"))}
    subprocess.run(
        [sys.executable, "-m", "train", RECIPE, "--run", str(run)], cwd=checkout, env=environment, check=True
    )
    return run


def training(against: Path) -> dict[str, Any]:
    """Are the trained weights the same bits?"""
    import keras

    with tempfile.TemporaryDirectory(prefix="framelite-unchanged-") as name:
        runs = [trained(checkout, Path(name) / what) for checkout, what in ((ROOT, "ours"), (against, "before"))]
        ours, before = (keras.models.load_model(run / "model.keras", compile=False).get_weights() for run in runs)
        found = [evaluation.read(evaluation.Evaluation, run) for run in runs]
    same = [a.shape == b.shape and a.tobytes() == b.tobytes() for a, b in zip(ours, before, strict=True)]
    return {
        "what": f"{RECIPE}, trained in full",
        "arrays": len(same),
        "equal_to_the_last_bit": sum(same),
        "top1": [each.top1 for each in found],
        "n": found[0].n,
    }


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--against", type=Path, required=True, metavar="CHECKOUT", help="of the commit before")
    options.add_argument("--model", type=Path, help="one more .tflite, larger: three frames a step")
    options.add_argument("--labels", type=Path, help="its labels")
    options.add_argument("--only-frames", action="store_true", help="nothing is trained")
    options.add_argument("--into", default="unchanged", metavar="NAME", help="results/NAME.json (default unchanged)")
    asked = options.parse_args()
    against = asked.against.resolve()
    rows = [frame(against, ROOT / "device/models/cifar10_int8.tflite", None, 20)]
    if asked.model:
        rows.append(frame(against, asked.model.resolve(), asked.labels.resolve() if asked.labels else None, 3))
    if not asked.only_frames:
        rows.append(training(against))
    commit = subprocess.check_output(["git", "rev-parse", "--short", "HEAD"], cwd=against, text=True).strip()
    write(asked.into, rows, "python -m experiments.unchanged --against CHECKOUT", against=commit)


if __name__ == "__main__":
    main()
