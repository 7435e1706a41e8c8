"""The optimizer, its learning rate over time, and the loss, from the recipe's training."""

from typing import Any

import keras

from train.optimizers.muon import Muon
from train.recipes.training import Training

# Of all steps, the share that the average of the weights spans at most.
LONGEST_AVERAGE = 0.1


def compile_model(model: keras.Model, training: Training, steps: int) -> None:
    """Gives the model its optimizer and loss; steps: batches in the whole run."""
    # By keyword, because Keras 3 would read positional metrics as loss_weights.
    model.compile(optimizer=optimizer(training, steps), loss=loss(training), metrics=["accuracy"])


def compile_alike(model: keras.Model, learner: keras.Model, training: Training) -> None:
    """Compiles a model of the same weights with the same optimizer, so that the saved file has its state."""
    model.compile(optimizer=learner.optimizer, loss=loss(training), metrics=["accuracy"])


def optimizer(training: Training, steps: int) -> keras.optimizers.Optimizer:
    """steps: batches in the whole run, over which the learning rate follows its schedule."""
    rate: Any = training.learning_rate
    if training.schedule == "warmup_cosine":
        rate = warmup_cosine(training.learning_rate, steps, training.warmup)
    shared: dict[str, Any] = {}
    if training.ema_momentum:
        shared = {"use_ema": True, "ema_momentum": ema_momentum(training, steps)}
    if training.optimizer == "sgd":
        decay = training.weight_decay or None
        return keras.optimizers.SGD(rate, momentum=0.9, nesterov=True, weight_decay=decay, **shared)
    if training.optimizer == "muon":
        return Muon(rate, weight_decay=training.weight_decay or None, **shared)
    if training.optimizer == "adamw":
        return keras.optimizers.AdamW(rate, weight_decay=training.weight_decay, **shared)
    return keras.optimizers.Adam(rate, **shared)


def ema_momentum(training: Training, steps: int) -> float:
    """The recipe's, or less where its average, over about 1 / (1 - momentum) steps, would still hold the first ones."""
    span = LONGEST_AVERAGE * steps
    return min(training.ema_momentum, span / (span + 1))


def warmup_cosine(peak: float, steps: int, warmup: float) -> keras.optimizers.schedules.LearningRateSchedule:
    """Rises for a share of the steps, then falls along a cosine (L. Smith, 2017, https://arxiv.org/abs/1708.07120)."""
    rising = max(1, int(steps * warmup))
    return keras.optimizers.schedules.CosineDecay(
        initial_learning_rate=peak / 20,
        decay_steps=max(1, steps - rising),
        alpha=0.002,
        warmup_target=peak,
        warmup_steps=rising,
    )


def loss(training: Training) -> Any:
    """Keras' loss, for targets as `train.data.batches.as_targets` makes them."""
    if training.loss == "binary_crossentropy":
        return keras.losses.BinaryCrossentropy(label_smoothing=training.label_smoothing)
    if training.loss == "categorical_crossentropy":
        return keras.losses.CategoricalCrossentropy(label_smoothing=training.label_smoothing)
    return keras.losses.SparseCategoricalCrossentropy()
