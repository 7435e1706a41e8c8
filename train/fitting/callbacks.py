"""Callbacks of a training run: the epoch's random numbers, the best model, checkpoints, progress."""

import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import keras
import numpy as np
from tqdm import tqdm

from device import command, files, text
from device.errors import UserError
from train.data import streams
from train.data.batches import Batches
from train.data.streams import Purpose
from train.optimizers.muon import Muon
from train.recipes.recipe import Recipe
from train.run import checkpoint


class DeterministicEpoch(keras.callbacks.Callback):  # type: ignore[misc]
    """Derives all random numbers of an epoch from its number, so that earlier epochs don't matter."""

    def __init__(self, batches: Batches, seed: int) -> None:
        super().__init__()
        self.batches, self.seed = batches, seed

    def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        self.batches.start_epoch(epoch)
        # Keras 3.15 doesn't save the state of Dropout's generator.
        for number, layer in enumerate(self.model._flatten_layers()):
            generator = getattr(layer, "seed_generator", None)
            if generator is not None:
                state = streams.generator(Purpose.DROPOUT, self.seed, epoch, number).integers(0, 2**31, 2)
                generator.state.assign(state.astype(generator.state.dtype))


class BestCheckpoint(keras.callbacks.Callback):  # type: ignore[misc]
    """After each epoch: rejects a loss that isn't finite, keeps the best model, writes the checkpoint.

    Best means the highest validation accuracy, the lowest loss (the earlier of two equal epochs), or the last epoch.
    Files count epochs from 1. With an averaged model, the average is validated and kept, and the checkpoint holds both.
    """

    def __init__(
        self,
        path: Path,
        checkpoints: checkpoint.Place | None,
        state: checkpoint.State,
        last_epoch: int,
        recipe: Recipe,
        keep: Callable[[], None] | None,
        first_epoch: int = 0,
    ) -> None:
        super().__init__()
        self.path, self.checkpoints, self.keep = path, checkpoints, keep
        self.last_epoch, self.recipe, self.first_epoch = last_epoch, recipe, first_epoch
        self.state = state
        self.history: dict[str, list[float]] = dict(state.history or {"epoch": [], "seconds": []})
        if "epoch" not in self.history:  # a checkpoint of an older version
            self.history["epoch"] = [*map(float, range(1, state.epoch + 1))]
        self.figure = "accuracy" if recipe.learns_labels else "agreement"
        if "accuracy" in self.history:  # from the phase before, which may have learned labels; now also agreement
            self.history[self.figure] = self.history.pop("accuracy")
        self.began = 0.0

    @property
    def is_done(self) -> bool:
        """Whether all epochs are done, or patience, counted from the start of this phase, has run out."""
        waited = self.state.epoch - max(self.state.best_epoch, self.first_epoch)
        return self.state.epoch >= self.last_epoch or 0 < self.recipe.training.patience <= waited

    def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        self.began = time.monotonic()

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        logs = logs or {}
        for name in ("loss", "val_loss"):
            if not np.isfinite(logs[name]):
                raise UserError(
                    f"{name} became {logs[name]} in epoch {epoch + 1}; try a smaller --set learning_rate"
                    + (f"; {self.path} is that of epoch {self.state.best_epoch}" if self.state.best_epoch else "")
                )
        best, best_epoch = self.state.best, self.state.best_epoch
        figures = {"accuracy": logs["val_accuracy"], "loss": -logs["val_loss"], "last": epoch}
        figure = float(figures[self.recipe.training.keep_best_by])
        if figure > best:
            best, best_epoch = figure, epoch + 1
            self._keep()
        seconds = time.monotonic() - self.began
        self.history["epoch"].append(epoch + 1)  # a phase that patience ended skips numbers
        self.history["seconds"].append(round(seconds, 2))
        for name, value in logs.items():
            self.history.setdefault(self.figure if name == "accuracy" else name, []).append(float(value))
        self.state = checkpoint.State(epoch + 1, best, best_epoch, self.state.seconds + seconds, self.history)
        if self.checkpoints:
            checkpoint.save(self.checkpoints, self.model, self.state)
        if self.is_done and epoch + 1 < self.last_epoch:
            training = self.recipe.training
            command.say(f"no better validation {training.keep_best_by} in {training.patience} epochs: stopped")
            self.model.stop_training = True

    def _keep(self) -> None:
        """Writes model.keras, or calls `keep` instead; with averaging, the model holds the averaged weights."""
        variables = self.model.trainable_variables
        weights = [variable.numpy() for variable in variables] if self.recipe.training.ema_momentum else []
        if weights:
            self.model.optimizer.finalize_variable_values(variables)
        (self.keep or partial(write_model, self.model, self.path))()
        for variable, value in zip(variables, weights, strict=False):
            variable.assign(value)


def write_model(model: keras.Model, path: Path) -> None:
    """Writes the file atomically and synced, without an optimizer that Keras couldn't load on its own."""
    if isinstance(getattr(model, "optimizer", None), Muon):  # a fitted head was never compiled
        model = keras.Model(model.inputs, model.outputs, name=model.name)
    with files.replacing(path) as temporary:
        model.save(temporary)


class Reporter(keras.callbacks.Callback):  # type: ignore[misc]
    """A progress bar on a terminal, a line per epoch, and history.json after each epoch."""

    def __init__(self, epochs: int, steps: int, keeper: BestCheckpoint, history: Path) -> None:
        super().__init__()
        self.epochs, self.steps, self.keeper, self.path = epochs, steps, keeper, history
        self.bar: Any = None

    def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        self.bar = tqdm(total=self.steps, desc=f"epoch {epoch + 1}/{self.epochs}", disable=None, leave=False)

    def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
        self.bar.update()
        if logs and not self.bar.disable:
            figure = f"{self.keeper.figure} {text.percent(logs['accuracy'], 1)}"
            self.bar.set_postfix_str(f"loss {logs['loss']:.3f}, {figure}", False)

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        self.bar.close()
        logs = logs or {}
        files.write_json(self.path, self.keeper.history)
        trained, validated = text.percent(logs["accuracy"]), text.percent(logs["val_accuracy"])
        figures = f"accuracy {trained}, validation {validated}"
        if self.keeper.figure == "agreement":
            figures = f"agreement with the targets {trained}, validation accuracy {validated}"
        seconds = self.keeper.history["seconds"][-1]
        command.say(f"epoch {epoch + 1}/{self.epochs}: loss {logs['loss']:.4f}, {figures}, {seconds:.1f} s")

    def on_train_end(self, logs: dict[str, float] | None = None) -> None:
        if self.bar is not None:
            self.bar.close()
