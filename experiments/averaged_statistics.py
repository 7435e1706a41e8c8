"""BatchNormalization under averaged weights: whose mean and variance should it have?

    python -m experiments.averaged_statistics [SEEDS]        about 5 minutes a seed on 2 cores; needs CIFAR-10

`ema_momentum` keeps a moving average of the weights. A layer's statistics, a moving average themselves, are those of
the weights as they were in the last steps. Validation accuracy of the averaged weights with three kinds of statistics:

    kept       those of the last steps: what training keeps (train/fitting/callbacks.py)
    averaged   a moving average of these with the momentum of the weights, as timm's ModelEmaV3 has it
    estimated  the mean over batches of training images, seen by the averaged weights (Izmailov et al., 2018,
               "Averaging weights leads to wider optima and better generalization", https://arxiv.org/abs/1803.05407)

Half way and at the end of 320 steps, under a constant learning rate, where weights and average are far apart, and
under one cycle, where they meet at the end; averaged over some 10 steps (momentum 0.9), a thirtieth of the run, or 100
(0.99), a third of it. The 100 of `cats_vs_dogs` are a forty-fifth of its 4,500 steps. A small network on 5,000 images,
validated on 5,000.
"""

import os
import sys
from itertools import product
from pathlib import Path
from typing import Any

os.environ.setdefault("KERAS_BACKEND", "tensorflow")

import keras
import numpy as np

from device.data.folders import Cache
from experiments.record import write
from train.data import cache
from train.data.batches import Batches, ValidationBatches
from train.data.split import split_cache
from train.fitting.callbacks import DeterministicEpoch
from train.networks import networks
from train.optimizers import optimizers
from train.recipes import catalog, settings

IMAGES, EPOCHS = 5_000, 8
MOMENTA = (0.9, 0.99)
ASKED_AFTER = (4, 8)  # epochs
RECIPE = settings.replaced(
    catalog.get("cifar10"),
    validation_split=0.1,
    filters=(16, 32, 64),
    blocks=(0, 1),
    stem_stride=2,
    epochs=EPOCHS,
    batch_size=128,
    keep_best_by="accuracy",
    optimizer="adamw",
    learning_rate=3e-3,
    weight_decay=0.05,
    camera_noise=0.0,
)


class Compared(keras.callbacks.Callback):  # type: ignore[misc]
    """Asks about the averaged weights with each kind of statistics after every epoch, and puts all back."""

    def __init__(self, batches: Batches, held_out: ValidationBatches, momentum: float) -> None:
        super().__init__()
        self.batches, self.held_out, self.momentum = batches, held_out, momentum
        self.rows: list[dict[str, Any]] = []

    def on_train_begin(self, logs: dict[str, float] | None = None) -> None:
        layers = [layer for layer in self.model.layers if isinstance(layer, keras.layers.BatchNormalization)]
        self.layers = layers
        self.statistics = [variable for layer in layers for variable in (layer.moving_mean, layer.moving_variance)]
        self.averages = [variable.numpy() for variable in self.statistics]

    def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
        for average, variable in zip(self.averages, self.statistics, strict=True):
            average += (1 - self.momentum) * (variable.numpy() - average)

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        if epoch + 1 not in ASKED_AFTER:
            return
        trained = self.model.trainable_variables
        before = [variable.numpy() for variable in (*trained, *self.statistics)]
        row: dict[str, Any] = {"epoch": epoch + 1, "weights": self._accuracy()}
        self.model.optimizer.finalize_variable_values(trained)
        row["kept"] = self._accuracy()
        for variable, average in zip(self.statistics, self.averages, strict=True):
            variable.assign(average)
        row["averaged"] = self._accuracy()
        self._estimate()
        row["estimated"] = self._accuracy()
        for variable, value in zip((*trained, *self.statistics), before, strict=True):
            variable.assign(value)
        self.rows.append(row)

    def _accuracy(self) -> float:
        shown = [self.held_out[i] for i in range(len(self.held_out))]
        right = [(self.model.predict_on_batch(x).argmax(axis=1) == y.argmax(axis=1)).sum() for x, y in shown]
        return float(sum(right) / sum(len(y) for _, y in shown))

    def _estimate(self) -> None:
        """The plain mean over batches: each weighs as much as all before it."""
        momenta = [layer.momentum for layer in self.layers]
        for number in range(len(self.batches)):
            for layer in self.layers:
                layer.momentum = number / (number + 1)
            self.model(self.batches[number][0], training=True)
        for layer, momentum in zip(self.layers, momenta, strict=True):
            layer.momentum = momentum


def run(schedule: str, momentum: float, seed: int, data: Cache) -> list[dict[str, Any]]:
    """One training of 320 steps. schedule: of the learning rate; momentum: of the averaged weights.

    A row for each kind of statistics, at half and at the end: its validation accuracy, 0 to 1.
    """
    recipe = settings.replaced(RECIPE, schedule=schedule, ema_momentum=momentum, seed=seed)
    rows, validation = split_cache(data, recipe)
    rows = np.sort(np.random.default_rng(seed).permutation(rows)[:IMAGES])
    keras.utils.set_random_seed(seed)
    model = networks.build(recipe, len(data.labels))
    batches = Batches(data, rows, recipe)
    optimizers.compile_model(model, recipe.training, len(batches) * EPOCHS)
    compared = Compared(batches, ValidationBatches(data, validation, recipe), momentum)
    model.fit(batches, epochs=EPOCHS, verbose=0, shuffle=False, callbacks=[DeterministicEpoch(batches, seed), compared])
    return [{"schedule": schedule, "momentum": momentum, "seed": seed, **row} for row in compared.rows]


def main() -> None:
    data = cache.provide(cache.DataRequest("cifar10", RECIPE.data.image_size))
    found: list[dict[str, Any]] = []
    seeds = int(sys.argv[1]) if sys.argv[1:] else 3
    for seed in range(1, seeds + 1):
        for schedule, momentum in product(("warmup_cosine", "constant"), MOMENTA):
            found += run(schedule, momentum, seed, data)
            print(*found[-len(ASKED_AFTER) :], sep="\n", flush=True)
            command = f"python -m experiments.{Path(__file__).stem} {seed}"
            write("averaged_statistics", found, command, images=IMAGES, validation=5000)


if __name__ == "__main__":
    main()
