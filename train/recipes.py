"""The recipes by name. What each field means: train/recipe.py."""

from dataclasses import replace

from device.errors import UserError
from train.recipe import Recipe

FASHION_MNIST = Recipe(
    name="fashion_mnist",
    description="a small residual network for 28x28 pictures of clothes; the default",
    data="fashion_mnist",
    network="residual",
    filters=(32, 64, 128),
    blocks=(1, 0),
    stem_stride=2,
    size=(28, 28),
    grey=True,
    validation=1 / 12,  # 5,000 of 60,000
    epochs=5,  # what three minutes on two busy cores hold (docs/results.md)
    batch=64,
    optimizer="adamw",
    learning_rate=3e-3,
    schedule="one_cycle",
    weight_decay=0.05,
    dropout=0.05,
    horizontal_flip=True,
)

CIFAR10_TUTORIAL = Recipe(
    name="cifar10_tutorial",
    description="the course chapter's CIFAR-10 network, not altered; it overfits, and shows it",
    data="cifar10",
    network="cifar10_tutorial",
    validation=0.3,
    epochs=10,
    batch=32,
    loss="sparse_categorical_crossentropy",
)

CIFAR10 = Recipe(
    name="cifar10",
    description="a network for the edge: as fast as MLPerf Tiny's ResNet-8, and more often right",
    data="cifar10",
    network="residual",
    filters=(16, 32, 48, 144),
    blocks=(0, 1, 1),
    validation=0.1,  # 5,000 of 50,000
    epochs=90,
    batch=128,
    optimizer="sgd",
    learning_rate=0.1,
    schedule="one_cycle",
    warmup=0.05,
    weight_decay=3e-3,
    label_smoothing=0.1,
    width_shift_range=0.125,
    height_shift_range=0.125,
    horizontal_flip=True,
    brightness_range=(0.8, 1.2),
    contrast_range=(0.8, 1.2),
    degraded=0.25,
    blur=0.7,
    jpeg_quality=60,
)

CIFAR10_RESNET8 = replace(
    CIFAR10,
    name="cifar10_resnet8",
    description="MLPerf Tiny's ResNet-8, on the same pictures for the same epochs as cifar10",
    network="resnet8",
)

RECIPES = {recipe.name: recipe for recipe in (FASHION_MNIST, CIFAR10_TUTORIAL, CIFAR10, CIFAR10_RESNET8)}


def get(name: str) -> Recipe:
    if name not in RECIPES:
        raise UserError(f"unknown recipe {name!r}, expected one of {', '.join(RECIPES)}")
    return RECIPES[name]
