"""The course chapter's CIFAR-10 network: accuracy over seeds, and epoch time beside the chapter's own script.

    python -m experiments.tutorial accuracy [--seeds 3]     about 15 minutes on 2 cores; needs CIFAR-10
    python -m experiments.tutorial epochs [--pairs 8]       about 15 minutes; alternates the two, nothing else may run

`accuracy` trains `cifar10_tutorial` with each seed and keeps what the best epoch by validation and the last epoch give
on the test images. `epochs` alternates between the chapter's script and the recipe, two epochs each, and compares the
second epochs: the first also compiles.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from device.data import run_record
from experiments.record import write
from train.run import evaluation

# The chapter's program (its plots left out), timing each epoch. Its images come through Keras as float64.
CHAPTER = """
import json, sys, time
import numpy as np
from tensorflow import keras
from tensorflow.keras import Sequential
from tensorflow.keras.layers import Conv2D, Dense, Flatten, MaxPooling2D

folder = sys.argv[1]
X_train, y_train = np.load(folder + "/train.npy"), np.load(folder + "/targets.npy")
X_train = X_train / 255.0
model = Sequential()
model.add(Conv2D(64, activation='relu', kernel_size=(3, 3)))
model.add(MaxPooling2D(pool_size=(2, 2)))
model.add(Conv2D(32, activation='relu', kernel_size=(3, 3)))
model.add(Flatten())
model.add(Dense(80, activation='relu'))
model.add(Dense(10, activation='softmax'))
model.compile(optimizer='adam', loss='sparse_categorical_crossentropy', metrics=['accuracy'])
seconds = []
class Clock(keras.callbacks.Callback):
    def on_epoch_begin(self, epoch, logs=None):
        self.began = time.monotonic()
    def on_epoch_end(self, epoch, logs=None):
        seconds.append(time.monotonic() - self.began)
model.fit(X_train, y_train, epochs=2, verbose=0, validation_split=0.3, callbacks=[Clock()])
print(json.dumps(seconds))
"""


def train(run: Path, *settings: str) -> None:
    """Trains the chapter's recipe into a run folder. settings: FIELD=VALUE."""
    words = [word for setting in settings for word in ("--set", setting)]
    subprocess.run([sys.executable, "-m", "train", "cifar10_tutorial", "--run", str(run), *words], check=True)


def accuracy(seeds: int) -> list[dict[str, Any]]:
    """A row a seed: test accuracy, 0 to 1, of the kept and of the last epoch."""
    rows = []
    for seed in range(1, seeds + 1):
        with tempfile.TemporaryDirectory() as name:
            run = Path(name) / "run"
            train(run, f"seed={seed}")
            found = evaluation.read(evaluation.Evaluation, run)
            record = run_record.read(run)
            history = json.loads((run / "history.json").read_bytes())
            if seed == 1:
                Path("docs/images/cifar10_tutorial_history.png").write_bytes((run / "history.png").read_bytes())
        rows.append(
            {
                "seed": seed,
                "best_epoch": record.best_epoch,
                "best_top1": found.top1,
                "last_top1": found.last_epoch and found.last_epoch.top1,
                "n": found.n,
                "validation_by_epoch": history["val_accuracy"],
            }
        )
    return rows


def epochs(pairs: int) -> list[dict[str, Any]]:
    """Second-epoch seconds of the chapter's script and of the recipe, alternating."""
    import numpy as np

    from experiments.cached import cached

    cache = cached("cifar10", 32)
    rows = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        np.save(folder / "train.npy", cache.images("train"))
        np.save(folder / "targets.npy", cache.targets("train")[:, None])
        for pair in range(pairs):
            words = [sys.executable, "-c", CHAPTER, str(folder)]
            done = subprocess.run(words, check=True, stdout=subprocess.PIPE, text=True)
            train(folder / f"run{pair}", "epochs=2")
            history = json.loads((folder / f"run{pair}/history.json").read_bytes())
            rows.append({"chapter_s": json.loads(done.stdout)[1], "recipe_s": history["seconds"][1]})
    return rows


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("what", choices=("accuracy", "epochs"))
    options.add_argument("--seeds", type=int, default=3)
    options.add_argument("--pairs", type=int, default=8)
    asked = options.parse_args()
    if asked.what == "accuracy":
        rows = accuracy(asked.seeds)
        summary = {
            "best_mean": statistics.mean(row["best_top1"] for row in rows),
            "last_mean": statistics.mean(row["last_top1"] for row in rows),
        }
    else:
        rows = epochs(asked.pairs)
        ratios = [row["recipe_s"] / row["chapter_s"] for row in rows]
        summary = {"ratio_median": statistics.median(ratios), "ratio_min": min(ratios), "ratio_max": max(ratios)}
    write(f"tutorial_{asked.what}", rows, f"python -m experiments.tutorial {asked.what}", **summary)


if __name__ == "__main__":
    main()
