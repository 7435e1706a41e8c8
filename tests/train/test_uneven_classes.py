"""Uneven classes: what an image counts in the loss of epochs, and that a rare class isn't given up."""

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from device.data.folders import Cache
from tests.conftest import Run
from tests.trained import Trained
from train.recipes.catalog import RECIPES
from train.recipes.recipe import Recipe
from train.recipes.settings import replaced

pytestmark = pytest.mark.tensorflow

# Of three labels a hundred, fifty and ten of the 300 training images, which come label by label in no order.
SHARES = (100, 50, 10)
LOSSES = ("categorical_crossentropy", "sparse_categorical_crossentropy")


def recipe(**changes: Any) -> Recipe:
    return replaced(RECIPES["fashion_mnist"], batch_size=16, **changes)


@pytest.fixture
def images(trained: Trained) -> Cache:
    return trained.images


@pytest.fixture
def rows(images: Cache) -> Any:
    targets = images.targets("train")
    return np.concatenate([np.flatnonzero(targets == label)[:share] for label, share in enumerate(SHARES)])


@pytest.mark.parametrize("loss", LOSSES)
def test_over_an_epoch_every_class_counts_alike(images: Cache, rows: Any, loss: str) -> None:
    from train.data.batches import Batches, ValidationBatches, class_weights

    weights = class_weights(images.targets("train")[rows], 3)
    assert weights is not None
    np.testing.assert_allclose(weights, 160 / 3 / np.array(SHARES), rtol=1e-6)
    chosen = recipe(loss=loss)
    for batches in (
        Batches(images, rows, chosen, weights=weights),
        ValidationBatches(images, rows, chosen, weights=weights),
    ):
        sums = np.zeros(3)
        for index in range(len(batches)):
            _, targets, counts = batches[index]
            np.add.at(sums, targets if targets.ndim == 1 else targets.argmax(axis=1), counts)
        np.testing.assert_allclose(sums, 160 / 3, rtol=1e-5)


def test_a_mixed_image_counts_as_its_labels_do(images: Cache, rows: Any) -> None:
    from train.data.batches import Batches

    weights = np.array([1.0, 2.0, 10.0], np.float32)
    batches = Batches(images, rows, recipe(mixup=1.0), weights=weights)
    _, targets, counts = batches[2]
    assert ((targets > 0) & (targets < 1)).any()
    np.testing.assert_allclose(counts, (targets * weights).sum(axis=1), rtol=1e-6)
    # Of two labels and one sigmoid the target is one number.
    from train.data.batches import weighed

    (counts,) = weighed(np.array([[0.0], [1.0], [0.25]]), weights[1:])
    np.testing.assert_allclose(counts, [2.0, 10.0, 4.0])


def test_even_classes_have_no_weights(images: Cache) -> None:
    from train.data.batches import Batches, class_weights

    targets = images.targets("train")
    assert class_weights(targets, 3) is None
    assert class_weights(np.repeat(np.arange(2), [15, 10]), 2) is None, "a factor of 1.5 is even"
    assert class_weights(np.repeat([0, 2], [30, 10]), 3) is not None, "a label without an image is none"
    assert len(Batches(images, np.arange(300), recipe())[0]) == 2


def rare(root: Path, counts: tuple[int, int], split: str, seed: int) -> None:
    """Two labels that overlap: gray images, mean 110 or 140, each with a deviation of 20."""
    random = np.random.default_rng(seed)
    for label, mean, count in zip(("common", "rare"), (110, 140), counts, strict=True):
        folder = root / split / label
        folder.mkdir(parents=True)
        for number in range(count):
            value = np.clip(random.normal(mean, 20), 0, 255)
            image = np.clip(random.normal(value, 3, (8, 8, 3)), 0, 255).astype(np.uint8)
            cv2.imwrite(str(folder / f"{number}.png"), image)


def test_a_rare_class_is_not_given_up(warm: Run, tmp_path: Path) -> None:
    """Trained by epochs, fifteen to one: without weights nearly every image is called common."""
    rare(tmp_path / "data", (600, 40), "train", 1)
    rare(tmp_path / "data", (60, 60), "test", 2)
    settings = (
        "network=tiny",
        "image_size=8x8",
        "grayscale=false",
        "epochs=10",
        "validation_split=0.2",
        "dropout=0",
        "keep_best_by=last",
    )
    words = [word for setting in settings for word in ("--set", setting)]
    done = warm("train", "fashion_mnist", "--data", tmp_path / "data", "--run", tmp_path / "run", *words)
    assert done.returncode == 0, done.stderr
    classes = json.loads((tmp_path / "run/evaluation.json").read_bytes())["per_class"]
    assert min(row["top1"] for row in classes) > 0.5, classes
    assert sum("the classes are uneven" in line for line in done.stderr.splitlines()) == 1


def test_even_classes_are_not_spoken_of(trained: Trained) -> None:
    assert "uneven" not in trained.stderr
