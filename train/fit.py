"""Training itself: a recipe and a picture cache in, a run folder out."""

import time
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf
from tqdm import tqdm

from device import command, files, text
from device.errors import UserError
from device.folders import Cache
from train import evaluate, networks, plots, runs
from train.batches import Batches, as_targets, split_rows
from train.recipes import Recipe
from train.runs import Run


def train(recipe: Recipe, cache: Cache, run: Run) -> dict[str, Any]:
    """Trains, keeps the best epoch by validation as model.keras, reads the test split once; returns evaluation.json."""
    keras.utils.set_random_seed(recipe.seed)
    tf.config.experimental.enable_op_determinism()
    rows, validation = split_rows(cache.targets("train"), recipe)
    started = time.monotonic()
    document = runs.start(run, recipe, cache, validation)
    try:
        model = compiled(recipe, len(cache.labels), steps=-(-len(rows) // recipe.batch))
        keeper = KeepBest(run)
        history = _fit(model, recipe, cache, rows, validation, keeper, run)
        result = evaluate.evaluate(run, recipe, cache, model)
        plots.history(history, keeper.best_epoch, run.path / "history.png")
    except KeyboardInterrupt:
        runs.finish(run, document, runs.INTERRUPTED)
        raise
    except BaseException:
        runs.finish(run, document, runs.FAILED)
        raise
    runs.finish(
        run,
        document,
        runs.DONE,
        wall_time_s=round(time.monotonic() - started, 1),
        best_epoch=keeper.best_epoch,
        parameters=model.count_params(),
    )
    return result


def compiled(recipe: Recipe, labels: int, steps: int) -> keras.Model:
    """The recipe's network with its optimizer; steps: batches an epoch."""
    model = networks.build(recipe, labels)
    rate: Any = recipe.learning_rate
    if recipe.schedule == "one_cycle":
        rate = one_cycle(recipe.learning_rate, steps * recipe.epochs)
    if recipe.optimizer == "adamw":
        optimizer = keras.optimizers.AdamW(rate, weight_decay=recipe.weight_decay)
    else:
        optimizer = keras.optimizers.Adam(rate)
    loss: Any = recipe.loss
    if recipe.label_smoothing:
        loss = keras.losses.CategoricalCrossentropy(label_smoothing=recipe.label_smoothing)
    # By keyword: by position Keras 3 puts metrics into loss_weights.
    model.compile(optimizer=optimizer, loss=loss, metrics=["accuracy"])
    return model


def one_cycle(peak: float, steps: int) -> keras.optimizers.schedules.LearningRateSchedule:
    """Up for a seventh of the steps, then down along a cosine (L. Smith, 2017, https://arxiv.org/abs/1708.07120)."""
    warmup = max(1, steps // 7)
    return keras.optimizers.schedules.CosineDecay(
        initial_learning_rate=peak / 20,
        decay_steps=max(1, steps - warmup),
        alpha=0.002,
        warmup_target=peak,
        warmup_steps=warmup,
    )


def _fit(
    model: keras.Model,
    recipe: Recipe,
    cache: Cache,
    rows: npt.NDArray[np.int64],
    validation: npt.NDArray[np.int64],
    keeper: "KeepBest",
    run: Run,
) -> dict[str, list[float]]:
    held_out = cache.pictures("train")[validation]
    targets = as_targets(cache.targets("train")[validation], len(cache.labels), recipe)
    batches = Batches(cache, rows, recipe)
    reporter = Reporter(recipe.epochs, len(batches), run)
    model.fit(
        batches,
        epochs=recipe.epochs,
        verbose=0,
        shuffle=False,  # the batches do it, from (seed, epoch)
        validation_data=(held_out, targets),
        validation_batch_size=500,
        callbacks=[keeper, reporter],
    )
    return reporter.history


class KeepBest(keras.callbacks.Callback):  # type: ignore[misc]
    """Writes model.keras whenever the validation accuracy has risen; whole or not at all. Epochs count from 1."""

    def __init__(self, run: Run) -> None:
        super().__init__()
        self.run = run
        self.best = -1.0
        self.best_epoch = 0

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        logs = logs or {}
        for name in ("loss", "val_loss"):
            if not np.isfinite(logs[name]):
                raise UserError(f"{name} became {logs[name]} in epoch {epoch + 1}; try a smaller --set learning_rate")
        if logs["val_accuracy"] > self.best:
            self.best, self.best_epoch = logs["val_accuracy"], epoch + 1
            with files.replacing(self.run.model) as temporary:
                self.model.save(temporary)


class Reporter(keras.callbacks.Callback):  # type: ignore[misc]
    """A progress bar on a terminal, a line an epoch everywhere, and history.json as it grows."""

    def __init__(self, epochs: int, steps: int, run: Run) -> None:
        super().__init__()
        self.epochs, self.steps, self.run = epochs, steps, run
        self.history: dict[str, list[float]] = {"seconds": []}
        self.bar: Any = None
        self.began = 0.0

    def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        self.began = time.monotonic()
        self.bar = tqdm(total=self.steps, desc=f"epoch {epoch + 1}/{self.epochs}", disable=None, leave=False)

    def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
        self.bar.update()
        if logs and not self.bar.disable:
            self.bar.set_postfix_str(f"loss {logs['loss']:.3f}, accuracy {text.percent(logs['accuracy'], 1)}", False)

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        self.bar.close()
        logs = logs or {}
        seconds = time.monotonic() - self.began
        self.history["seconds"].append(round(seconds, 2))
        for name, value in logs.items():
            self.history.setdefault(name, []).append(float(value))
        files.write_json(self.run.path / "history.json", self.history)
        command.say(
            f"epoch {epoch + 1}/{self.epochs}: loss {logs['loss']:.4f}, accuracy {text.percent(logs['accuracy'])},"
            f" validation {text.percent(logs['val_accuracy'])}, {seconds:.1f} s"
        )

    def on_train_end(self, logs: dict[str, float] | None = None) -> None:
        if self.bar is not None:
            self.bar.close()
