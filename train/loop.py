"""One phase of training: Keras' fit, with what happens beside it. Used once, or twice where a backbone is tuned."""

from collections.abc import Callable
from dataclasses import dataclass

import keras

from train import checkpoint
from train.batches import Batches, HeldOut
from train.callbacks import EpochSeeds, Keeper, Reporter
from train.interruption import Interruption
from train.recipe import Recipe
from train.runs import Run


@dataclass(frozen=True)
class Phase:
    """What is trained, on what, up to which epoch (counted over all phases).

    keep: what is done with the best model so far, where it isn't to become model.keras as it is.
    checkpoints: None for a phase that is begun anew.
    """

    model: keras.Model
    batches: Batches
    held_out: HeldOut
    last_epoch: int
    keep: Callable[[], None] | None = None
    checkpoints: checkpoint.Place | None = None


def fit(phase: Phase, recipe: Recipe, run: Run, state: checkpoint.State, tensorboard: bool) -> Keeper:
    """Trains up to last_epoch (or patience); returns what was kept, and how far it came."""
    keeper = Keeper(run.model, phase.checkpoints, state, phase.last_epoch, recipe, phase.keep)
    reporter = Reporter(phase.last_epoch, len(phase.batches), keeper, run.path / "history.json")
    callbacks = [EpochSeeds(phase.batches, recipe.seed), keeper, reporter]
    if recipe.weight_average:
        callbacks.insert(0, keras.callbacks.SwapEMAWeights())  # the average is what is validated
    if tensorboard:
        callbacks.append(keras.callbacks.TensorBoard(str(run.path / "tensorboard"), write_graph=False))
    if not keeper.is_done:
        with Interruption() as interruption:
            phase.model.fit(
                phase.batches,
                initial_epoch=state.epoch,
                epochs=phase.last_epoch,
                verbose=0,
                shuffle=False,  # the batches do it, from (seed, epoch)
                validation_data=phase.held_out,
                callbacks=[*callbacks, interruption],
            )
    return keeper
