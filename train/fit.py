"""Training itself: a recipe and a picture cache in, a run folder out."""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
import numpy.typing as npt

from device import command
from device.errors import UserError
from device.folders import Cache
from train import checkpoint, evaluate, networks, optimizers, plots, runs
from train.batches import Batches, Rows, as_targets, split_rows, steps
from train.callbacks import EpochSeeds, Keeper, Reporter
from train.recipe import Recipe
from train.runs import Run


@dataclass(frozen=True)
class Start:
    """Where a run begins: from nothing, from a checkpoint of its own, or from saved weights."""

    resume: bool = False
    weights: Path | None = None
    tensorboard: bool = False


def train(recipe: Recipe, cache: Cache, run: Run, start: Start = Start()) -> dict[str, Any]:
    """Trains, keeps the best epoch by validation as model.keras, reads the test split once; returns evaluation.json."""
    _same_numbers(recipe.seed)
    rows, validation = split_rows(cache.targets("train"), recipe)
    began = time.monotonic()
    found = checkpoint.load(run.checkpoint) if start.resume else None
    if found is None:
        run.forget()  # before run.json speaks of this run: a checkpoint of another must never be taken for its own
    document = runs.start(run, recipe, cache, validation, start.weights)
    if found is None:
        model, state = compiled(recipe, len(cache.labels), steps(len(rows), recipe) * recipe.epochs), checkpoint.State()
        if start.weights:
            command.say(load_weights(model, start.weights))
    else:
        model, state = found
        command.say(f"{run.path}: goes on after epoch {state.epoch} of {recipe.epochs}")
    try:
        keeper = _fit(model, recipe, cache, rows, validation, state, run, start.tensorboard)
        result = evaluate.evaluate(run, recipe, cache, model)
        plots.history(keeper.history, keeper.state.best_epoch, run.path / "history.png")
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
        wall_time_s=round(state.seconds + time.monotonic() - began, 1),
        best_epoch=keeper.state.best_epoch,
        parameters=model.count_params(),
    )
    return result


def _same_numbers(seed: int) -> None:
    """The same weights from the same seed on the same machine."""
    keras.utils.set_random_seed(seed)
    if keras.config.backend() == "tensorflow":
        import tensorflow as tf

        tf.config.experimental.enable_op_determinism()


def compiled(recipe: Recipe, labels: int, steps: int) -> keras.Model:
    """The recipe's network with its optimizer; steps: batches of the whole run."""
    model = networks.build(recipe, labels)
    optimizers.compile_model(model, recipe, steps)
    return model


def load_weights(model: keras.Model, path: Path) -> str:
    """Puts the weights of a saved model into this one; says what was taken.

    The layers must be of the same shapes, but for the last one, which starts anew where the labels are others.
    """
    try:
        saved = keras.models.load_model(path, compile=False)
    except Exception as error:  # zipfile, json and Keras' own: whatever a damaged file raises
        raise UserError(f"{path}: can't be read as a Keras model: {' '.join(str(error).split())[:160]}") from None
    theirs = [layer.get_weights() for layer in saved.layers if layer.weights]
    ours = [layer for layer in model.layers if layer.weights]
    shapes = [[weight.shape for weight in weights] for weights in theirs]
    wanted = [[tuple(weight.shape) for weight in layer.weights] for layer in ours]
    if shapes[:-1] != wanted[:-1]:
        raise UserError(f"{path}: its layers are not those of this recipe's network; expected a model of the same")
    for layer, weights in zip(ours[:-1], theirs[:-1], strict=True):
        layer.set_weights(weights)
    if shapes[-1] != wanted[-1]:
        return f"{path}: its weights but for the last layer, which has {shapes[-1][-1][-1]} outputs there"
    ours[-1].set_weights(theirs[-1])
    return f"{path}: starts from its weights"


def _fit(
    model: keras.Model,
    recipe: Recipe,
    cache: Cache,
    rows: Rows,
    validation: Rows,
    state: checkpoint.State,
    run: Run,
    tensorboard: bool,
) -> Keeper:
    batches = Batches(cache, rows, recipe)
    keeper = Keeper(run.model, run.checkpoint, state, recipe)
    reporter = Reporter(recipe.epochs, len(batches), keeper, run.path / "history.json")
    callbacks = [EpochSeeds(batches, recipe.seed), keeper, reporter]
    if recipe.weight_average:
        callbacks.insert(0, keras.callbacks.SwapEMAWeights())  # the average is what is validated
    if tensorboard:
        callbacks.append(keras.callbacks.TensorBoard(str(run.path / "tensorboard"), write_graph=False))
    if not keeper.is_done:
        model.fit(
            batches,
            initial_epoch=state.epoch,
            epochs=recipe.epochs,
            verbose=0,
            shuffle=False,  # the batches do it, from (seed, epoch)
            validation_data=_held_out(cache, validation, recipe),
            validation_batch_size=500,
            callbacks=callbacks,
        )
    return keeper


def _held_out(cache: Cache, validation: Rows, recipe: Recipe) -> tuple[npt.NDArray[np.uint8], npt.NDArray[Any]]:
    targets = as_targets(cache.targets("train")[validation], len(cache.labels), recipe)
    return cache.pictures("train")[validation], targets
