"""How weights are moved: the optimizer, its learning rate over time, the loss. All from the recipe."""

from typing import Any

import keras

from train.muon import Muon
from train.recipe import Recipe


def compile_model(model: keras.Model, recipe: Recipe, steps: int) -> None:
    """Gives the model the recipe's optimizer and loss; steps: batches of the whole run."""
    # By keyword: by position Keras 3 puts metrics into loss_weights.
    model.compile(optimizer=optimizer(recipe, steps), loss=loss(recipe), metrics=["accuracy"])


def compile_alike(model: keras.Model, learner: keras.Model, recipe: Recipe) -> None:
    """The same weights with the same optimizer, so that what is saved has the state that goes with them."""
    model.compile(optimizer=learner.optimizer, loss=loss(recipe), metrics=["accuracy"])


def optimizer(recipe: Recipe, steps: int) -> keras.optimizers.Optimizer:
    rate: Any = recipe.learning_rate
    if recipe.schedule == "one_cycle":
        rate = one_cycle(recipe.learning_rate, steps, recipe.warmup)
    shared: dict[str, Any] = {}
    if recipe.weight_average:
        shared = {"use_ema": True, "ema_momentum": recipe.weight_average}
    if recipe.optimizer == "sgd":
        decay = recipe.weight_decay or None
        return keras.optimizers.SGD(rate, momentum=0.9, nesterov=True, weight_decay=decay, **shared)
    if recipe.optimizer == "muon":
        return Muon(rate, weight_decay=recipe.weight_decay or None, **shared)
    if recipe.optimizer == "adamw":
        return keras.optimizers.AdamW(rate, weight_decay=recipe.weight_decay, **shared)
    return keras.optimizers.Adam(rate, **shared)


def one_cycle(peak: float, steps: int, warmup: float) -> keras.optimizers.schedules.LearningRateSchedule:
    """Up for a share of the steps, then down along a cosine (L. Smith, 2017, https://arxiv.org/abs/1708.07120)."""
    rising = max(1, int(steps * warmup))
    return keras.optimizers.schedules.CosineDecay(
        initial_learning_rate=peak / 20,
        decay_steps=max(1, steps - rising),
        alpha=0.002,
        warmup_target=peak,
        warmup_steps=rising,
    )


def loss(recipe: Recipe) -> Any:
    if recipe.loss == "binary_crossentropy":
        return keras.losses.BinaryCrossentropy(label_smoothing=recipe.label_smoothing)
    if recipe.loss == "categorical_crossentropy":
        return keras.losses.CategoricalCrossentropy(label_smoothing=recipe.label_smoothing)
    return keras.losses.SparseCategoricalCrossentropy()
