"""One phase of training: as Keras' own fit trains, and a step is traced once."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from device.data.folders import Cache
from tests import drawing
from train.data import cache as caches
from train.recipes.catalog import RECIPES
from train.recipes.settings import replaced

pytestmark = pytest.mark.tensorflow

LOSSES = {
    "categorical_crossentropy": {"ema_momentum": 0.9, "dropout": 0.2},
    "sparse_categorical_crossentropy": {"label_smoothing": 0.0},
}


@pytest.fixture
def images(tmp_path: Path) -> Cache:
    folder = drawing.write_folder(tmp_path / "shapes", {"train": 60, "test": 15})
    return caches.provide(caches.DataRequest(str(folder), (16, 16)))


@pytest.mark.parametrize(("steps", "momentum"), [(10, 0.5), (90, 0.9), (990, 0.99), (5_000, 0.99)])
def test_an_average_of_weights_leaves_the_first_steps_behind(steps: int, momentum: float) -> None:
    """At 0.99 it would begin with the weights of 100 steps ago, which a short training has at its beginning."""
    from train.optimizers import optimizers

    made = optimizers.optimizer(RECIPES["scratch"].training, steps)
    assert made.use_ema and made.ema_momentum == pytest.approx(momentum)
    assert 1 / (1 - made.ema_momentum) < 0.1 * steps + 1.001


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # Keras' own, as it saves
@pytest.mark.parametrize("loss", LOSSES)
def test_a_step_is_traced_once_and_nothing_else_changes(images: Cache, tmp_path: Path, loss: str) -> None:
    import keras

    from train.data.batches import Batches, ValidationBatches
    from train.fitting import fit, loop
    from train.fitting.callbacks import DeterministicEpoch
    from train.run import checkpoint, runs

    small: dict[str, Any] = {"network": "tiny", "grayscale": False, "image_size": (16, 16), "batch_size": 8}
    recipe = replaced(RECIPES["fashion_mnist"], **small, loss=loss, **LOSSES[loss])
    rows, held_out = np.arange(40), np.arange(40, 60)

    def trained(alone: bool) -> tuple[int, list[Any]]:
        """How often a step was traced, and the weights."""
        keras.utils.set_random_seed(1)
        model, batches = fit.compiled(recipe, 3, 10), Batches(images, rows, recipe)
        validation, traces, step = ValidationBatches(images, held_out, recipe), [], model.train_step
        model.train_step = lambda data: traces.append(1) or step(data)  # type: ignore[func-returns-value]
        if alone:
            averaged = [keras.callbacks.SwapEMAWeights()] if recipe.training.ema_momentum else []
            seeds = DeterministicEpoch(batches, recipe.seed)
            model.fit(
                batches, epochs=2, verbose=0, shuffle=False, validation_data=validation, callbacks=[*averaged, seeds]
            )
        else:
            loop.fit(loop.Phase(model, batches, validation, 2), recipe, runs.Run(tmp_path), checkpoint.State(), False)
        return len(traces), model.get_weights()

    (ours, weights), (_, kerass) = trained(alone=False), trained(alone=True)
    assert ours == 1
    assert all(np.array_equal(one, other) for one, other in zip(weights, kerass, strict=True))
