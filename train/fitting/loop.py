"""One phase of training: Keras' fit with our callbacks. Runs once, or twice if a backbone is fine-tuned."""

import contextlib
import errno
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np

from train.data.batches import Batches, ValidationBatches
from train.fitting.callbacks import BestCheckpoint, DeterministicEpoch, Reporter
from train.fitting.interruption import Interruption
from train.recipes.recipe import Recipe
from train.run import checkpoint
from train.run.runs import Run


@dataclass(frozen=True)
class Phase:
    """What to train, on which images, up to which epoch (counted over all phases).

    keep: what to do with the best model so far instead of writing it as model.keras. checkpoints: None for a phase that
    is repeated on resume. first_epoch: the epochs of the phases before it.
    """

    model: keras.Model
    batches: Batches
    held_out: ValidationBatches
    last_epoch: int
    keep: Callable[[], None] | None = None
    checkpoints: checkpoint.Place | None = None
    first_epoch: int = 0


def fit(phase: Phase, recipe: Recipe, run: Run, state: checkpoint.State, tensorboard: bool) -> BestCheckpoint:
    """Trains up to last_epoch (or until patience ends it); returns what was kept, and the state."""
    keeper = BestCheckpoint(
        run.model, phase.checkpoints, state, phase.last_epoch, recipe, phase.keep, phase.first_epoch
    )
    reporter = Reporter(phase.last_epoch, len(phase.batches), keeper, run.path / "history.json")
    callbacks = [DeterministicEpoch(phase.batches, recipe.seed), keeper, reporter]
    if recipe.training.ema_momentum:
        callbacks.insert(0, keras.callbacks.SwapEMAWeights())  # validate the average
    logs = run.path / "tensorboard"
    if tensorboard:
        callbacks.append(keras.callbacks.TensorBoard(str(logs), write_graph=False))
    if not keeper.is_done:
        _make_variables(phase)
        with Interruption() as interruption, _space_for(logs):
            phase.model.fit(
                phase.batches,
                initial_epoch=state.epoch,
                epochs=phase.last_epoch,
                verbose=0,
                shuffle=False,  # the batches shuffle, from (seed, epoch)
                validation_data=phase.held_out,
                callbacks=[*callbacks, interruption],
            )
    return keeper


def _make_variables(phase: Phase) -> None:
    """Creates the variables of the optimizer and the metrics before the first step, which TensorFlow traces twice
    otherwise.

    For several devices, and on JAX, Keras creates them itself.
    """
    if keras.config.backend() != "tensorflow" or phase.batches.devices > 1:
        return
    model, targets = phase.model, phase.held_out.targets[:1]
    if not model.optimizer.built:
        model.optimizer.build(model.trainable_variables)
    model.compute_metrics(None, targets, np.zeros((1, *model.output_shape[1:]), np.float32))
    model.reset_metrics()


@contextlib.contextmanager
def _space_for(logs: Path) -> Iterator[None]:
    """Turns TensorFlow's own exception for a full disk into an OSError."""
    try:
        yield
    except Exception as error:
        if not isinstance(error, OSError) and os.strerror(errno.ENOSPC) in str(error):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(logs)) from None
        raise
