"""Batches for Keras from an image cache: shuffled and augmented, with random numbers from (seed, epoch, index).

So batch i of epoch e is always the same, on any machine and after any interruption.
"""

from collections.abc import Callable
from typing import Any, Protocol

import keras
import numpy as np
import numpy.typing as npt

from device.evaluation import batching
from device.evaluation.by_label import is_uneven
from train.data.augment import Augmenter
from train.data.split import Rows
from train.data.streams import Purpose, generator
from train.environment.devices import ALONE, Cluster
from train.recipes.recipe import Recipe

# The weight of an image in the loss, by label: `class_weights`.
Weights = npt.NDArray[np.float32]
# Images [n, height, width, 3] in, probabilities [n, labels] out: train/fitting/teacher.py.
Teacher = Callable[[npt.NDArray[Any]], npt.NDArray[np.float32]]


class Examples(Protocol):
    """Training data: an image cache, or features in its place."""

    @property
    def labels(self) -> tuple[str, ...]: ...

    def images(self, split: str) -> npt.NDArray[Any]: ...

    def targets(self, split: str) -> Rows: ...


class Batches(keras.utils.PyDataset):  # type: ignore[misc]
    """Training batches: uint8 images [n, height, width, 3] with targets as the loss wants them.

    `start_epoch` sets the epoch, from 0; Keras' own hooks don't know its number. An epoch of `steps_per_epoch` batches
    continues the order from one round through the images to the next. `devices` share every batch; a random remainder
    that can't be shared is left out of each epoch. In a cluster each process augments the whole batch, and gets its
    shard. With a teacher the targets are its predictions. `workers` threads prepare batches ahead, without changing
    them. With `weights`, from `class_weights`, each image's weight comes third; a mixed image's weight follows its
    labels.
    """

    def __init__(
        self,
        source: Examples,
        rows: Rows,
        recipe: Recipe,
        cluster: Cluster = ALONE,
        teacher: Teacher | None = None,
        devices: int = 1,
        workers: int = 1,
        weights: Weights | None = None,
    ) -> None:
        super().__init__(workers=workers, use_multiprocessing=False, max_queue_size=8 * workers)
        self.images = source.images("train")
        self.targets = as_targets(source.targets("train"), len(source.labels), recipe)
        self.rows = rows
        self.recipe = recipe
        self.cluster = cluster
        self.teacher = teacher
        self.devices = devices
        self.weights = weights
        self.augmenter = Augmenter(recipe.augmentation)
        self.start_epoch(0)

    def start_epoch(self, epoch: int) -> None:
        """Draws the order of an epoch, from 0."""
        self.epoch = epoch
        training = self.recipe.training
        if not training.steps_per_epoch:
            self.order = self._round(epoch)[: shared(len(self.rows), self.devices)]
            return
        images = training.steps_per_epoch * training.batch_size
        first, last = epoch * images // len(self.rows), ((epoch + 1) * images - 1) // len(self.rows)
        rounds = np.concatenate([self._round(i) for i in range(first, last + 1)])
        self.order = rounds[epoch * images - first * len(self.rows) :][:images]

    def _round(self, number: int) -> Rows:
        """Every training row once."""
        return generator(Purpose.ORDER, self.recipe.seed, number).permutation(self.rows)

    def __len__(self) -> int:
        return steps(len(self.rows), self.recipe, self.devices)

    def __getitem__(self, index: int) -> tuple[npt.NDArray[Any], ...]:
        size, mixup = self.recipe.training.batch_size, self.recipe.augmentation.mixup
        rows = self.order[index * size : (index + 1) * size]
        random = generator(Purpose.CHANGES, self.recipe.seed, self.epoch, index)
        images = self.augmenter.augment(self.images[rows], random)
        targets = self.targets[rows]
        if mixup and random.random() < mixup:
            images, targets = mixed(images, targets, random)
        images, targets = self.cluster.shard(images), self.cluster.shard(targets)
        counts = weighed(targets, self.weights)
        if self.teacher:
            targets = softened(self.teacher(images), self.recipe.training.teacher_temperature)
        return images, targets, *counts


class ValidationBatches(keras.utils.PyDataset):  # type: ignore[misc]
    """The unchanged validation images, in batches: they may not fit into memory.

    With several devices, the number of rows, and of every batch's, is a multiple of theirs. weights: as in `Batches`,
    so that both losses are comparable.
    """

    def __init__(
        self, source: Examples, rows: Rows, recipe: Recipe, devices: int = 1, weights: Weights | None = None
    ) -> None:
        super().__init__(workers=1, use_multiprocessing=False, max_queue_size=4)
        self.images = source.images("train")
        self.targets = as_targets(source.targets("train"), len(source.labels), recipe)
        self.rows = rows
        self.weights = weights
        self.step = max(devices, shared(images_at_a_time(self.images), devices))

    def __len__(self) -> int:
        return -(-len(self.rows) // self.step)

    def __getitem__(self, index: int) -> tuple[npt.NDArray[Any], ...]:
        rows = self.rows[index * self.step : (index + 1) * self.step]
        return self.images[rows], self.targets[rows], *weighed(self.targets[rows], self.weights)


def class_weights(targets: Rows, labels: int) -> Weights | None:
    """[labels] weights of images, so that all classes count alike and the mean is 1; None if the classes are even.
    scikit-learn's "balanced" (G. King and L. Zeng, 2001, https://doi.org/10.1093/oxfordjournals.pan.a004868).
    """
    counts = np.bincount(targets, minlength=labels)
    if not is_uneven(counts):
        return None
    shares = np.divide(1.0, counts, where=counts > 0, out=np.zeros(labels))
    return np.asarray(shares * len(targets) / np.count_nonzero(counts), np.float32)


def weighed(targets: npt.NDArray[Any], weights: Weights | None) -> tuple[npt.NDArray[np.float32], ...]:
    """([n] the weight of each row of `as_targets`,); empty without weights."""
    if weights is None:
        return ()
    if targets.ndim == 1:
        return (weights[targets],)
    return ((np.concatenate([1 - targets, targets], axis=1) if targets.shape[1] == 1 else targets) @ weights,)


def images_at_a_time(images: npt.NDArray[Any]) -> int:
    """How many images to predict at once. Another number changes the last bits of results, and so a run."""
    return batching.at_a_time(images.shape[1:], 8_000_000)


def steps(images: int, recipe: Recipe, devices: int = 1) -> int:
    """Batches per epoch."""
    return recipe.training.steps_per_epoch or -(-shared(images, devices) // recipe.training.batch_size)


def shared(images: int, devices: int) -> int:
    """How many of them the devices can share equally."""
    return images // devices * devices


def mixed(
    images: npt.NDArray[np.uint8], targets: npt.NDArray[np.float32], random: np.random.Generator
) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.float32]]:
    """Mixes each image and its target with another's (mixup, https://arxiv.org/abs/1710.09412)."""
    share = np.float32(random.beta(0.4, 0.4))
    other = random.permutation(len(images))
    blended = images * share + images[other] * (1 - share)
    return np.rint(blended).astype(np.uint8), targets * share + targets[other] * (1 - share)


def softened(probabilities: npt.NDArray[np.float32], temperature: float) -> npt.NDArray[np.float32]:
    """Probabilities [n, labels] after dividing their logits (Hinton et al., 2015, arXiv:1503.02531)."""
    if temperature == 1.0:
        return probabilities
    softer = probabilities.astype(np.float64) ** (1 / temperature)
    return np.asarray(softer / softer.sum(axis=1, keepdims=True), np.float32)


def as_targets(targets: Rows, labels: int, recipe: Recipe) -> npt.NDArray[Any]:
    """Targets for the loss: label numbers, one number 0 or 1, or rows of 0 and 1."""
    if recipe.training.is_sparse:
        return targets.astype(np.int32)
    if recipe.training.loss == "binary_crossentropy":
        return targets.astype(np.float32)[:, None]
    return np.eye(labels, dtype=np.float32)[targets]
