"""The recipes by name. The modules beside this file describe the fields."""

from device.errors import UserError
from train.backbones import backbones
from train.recipes import classical
from train.recipes.augmentation import Augmentation
from train.recipes.data import Data
from train.recipes.network import Network
from train.recipes.recipe import Recipe
from train.recipes.settings import replaced
from train.recipes.training import Training

FASHION_MNIST = Recipe(
    name="fashion_mnist",
    description="a small residual network for 28x28 images of clothes; the default",
    data=Data("fashion_mnist", image_size=(28, 28), validation_split=1 / 12),  # 5,000 of 60,000
    network=Network("residual", filters=(32, 64, 128), blocks=(1, 0), stem_stride=2, grayscale=True, dropout=0.05),
    training=Training(
        epochs=5,  # what fits in three minutes on two busy cores (docs/results.md)
        batch_size=64,
        optimizer="adamw",
        learning_rate=3e-3,
        schedule="warmup_cosine",
        weight_decay=0.05,
    ),
    augmentation=Augmentation(horizontal_flip=True),
)

CIFAR10_TUTORIAL = Recipe(
    name="cifar10_tutorial",
    description="the course chapter's CIFAR-10 network, not altered; it overfits, and shows it",
    data=Data("cifar10", validation_split=0.3),
    network=Network("cifar10_tutorial"),
    training=Training(epochs=10, batch_size=32, loss="sparse_categorical_crossentropy"),
)

CIFAR10 = Recipe(
    name="cifar10",
    description="a network for the edge, no slower in int8 than MLPerf Tiny's ResNet-8",
    data=Data("cifar10", validation_split=0.05),  # 2,500 of 50,000
    network=Network("residual", filters=(16, 32, 64, 112), blocks=(0, 1, 1)),
    training=Training(
        epochs=60,
        batch_size=512,
        keep_best_by="last",  # where the schedule leads
        optimizer="muon",
        learning_rate=0.08,
        schedule="warmup_cosine",
        warmup=0.05,
        weight_decay=2.5e-3,
        label_smoothing=0.1,
    ),
    augmentation=Augmentation(
        width_shift_range=0.125,
        height_shift_range=0.125,
        horizontal_flip=True,
        brightness_range=(0.8, 1.2),
        contrast_range=(0.8, 1.2),
        camera_noise=0.2,
        blur=0.7,
        jpeg_quality=60,
    ),
)

CIFAR10_RESNET8 = replaced(
    CIFAR10,
    name="cifar10_resnet8",
    description="MLPerf Tiny's ResNet-8 on the same images, by SGD",
    validation_split=0.1,
    network="resnet8",
    filters=(16, 32, 64, 96),
    epochs=80,
    batch_size=128,
    keep_best_by="accuracy",
    optimizer="sgd",
    learning_rate=0.1,
    weight_decay=5e-3,
    random_erasing=0.25,
)

CIFAR10_TEACHER = replaced(
    CIFAR10_RESNET8,
    name="cifar10_teacher",
    description="a wide network that cifar10 can learn from (--set teacher=runs/cifar10_teacher)",
    network="residual",
    filters=(32, 64, 128, 256),
    blocks=(1, 1, 1),
    epochs=40,
    label_smoothing=0.0,  # softened targets would hide how alike the classes are
    mixup=0.3,
)

TRANSFER = Recipe(
    name="transfer",
    description="any folder of images, a backbone trained on ImageNet, a head fitted in a second",
    data=Data("cats_vs_dogs", image_size=(224, 224), test_split=0.0),
    network=Network("backbone", backbone=backbones.AUTO, dropout=0.2),
    training=Training(
        strategy="head",
        epochs=20,  # with hidden layers
        keep_best_by="loss",
        batch_size=128,
        optimizer="adamw",
        learning_rate=2e-3,
        schedule="warmup_cosine",
        weight_decay=0.05,
    ),
    augmentation=Augmentation(horizontal_flip=True),  # in fine-tuning
)

CATS_VS_DOGS_MOBILENET = Recipe(
    name="cats_vs_dogs_mobilenet",
    description="the course chapter's transfer learning: MobileNet, three dense layers, the first 20 layers frozen",
    data=Data("cats_vs_dogs", image_size=(128, 128), fit="stretch"),  # as Keras' flow_from_directory resizes
    network=Network("backbone", backbone="MobileNet", head_units=(1024, 1024, 512)),
    training=Training(strategy="partial", freeze=20, epochs=5, batch_size=32),
)

CATS_VS_DOGS_TUTORIAL = Recipe(
    name="cats_vs_dogs_tutorial",
    description="the course chapter's network for cats and dogs, not altered",
    data=Data("cats_vs_dogs", image_size=(128, 128), fit="stretch"),
    network=Network("cats_vs_dogs_tutorial"),
    training=Training(epochs=10, steps_per_epoch=100, batch_size=20, loss="binary_crossentropy"),
    augmentation=Augmentation(shear_range=0.2, zoom_range=(0.8, 1.2), horizontal_flip=True),
)

CATS_VS_DOGS = Recipe(
    name="cats_vs_dogs",
    description="cats and dogs from scratch, from a thousand images of each",
    data=Data(
        "cats_vs_dogs", image_size=(64, 64), validation_split=0.05
    ),  # every hundred photographs to learn from count
    network=Network(
        "residual", filters=(32, 64, 128, 256), blocks=(1, 1, 1), stem_stride=2, flip_average=True, dropout=0.2
    ),
    training=Training(
        epochs=150,
        keep_best_by="last",  # where the schedule leads; by 100 validation images the best of 150 epochs is luck
        batch_size=64,
        optimizer="adamw",
        learning_rate=2e-3,
        schedule="warmup_cosine",
        weight_decay=0.5,
        ema_momentum=0.99,
        label_smoothing=0.1,
    ),
    augmentation=Augmentation(
        mixup=0.3,
        rotation_range=15,
        width_shift_range=0.1,
        height_shift_range=0.1,
        shear_range=8,
        zoom_range=(0.6, 1.15),
        horizontal_flip=True,
        brightness_range=(0.7, 1.3),
        contrast_range=(0.7, 1.3),
        random_erasing=0.3,
    ),
)

SCRATCH = replaced(
    CATS_VS_DOGS,
    name="scratch",
    description="a folder of images, a small network without a backbone; needs hundreds of images",
    flip_average=False,  # left and right may differ
    horizontal_flip=False,
)

LIST = (
    FASHION_MNIST,
    CIFAR10_TUTORIAL,
    CIFAR10,
    CIFAR10_RESNET8,
    CIFAR10_TEACHER,
    CATS_VS_DOGS_TUTORIAL,
    CATS_VS_DOGS,
    CATS_VS_DOGS_MOBILENET,
    TRANSFER,
    SCRATCH,
)
RECIPES = {recipe.name: recipe for recipe in LIST}
# The recipes for your own folders; the first one is the default. For such a folder a recipe's flips (`MIRRORING` in
# settings.py) are off unless --set asks for them.
FOR_FOLDERS = (TRANSFER.name, SCRATCH.name)


def get(name: str) -> Recipe:
    """The recipe of that name; UserError with all names for another."""
    if name in (classical.COMMAND, classical.CLASSICAL.name):
        raise UserError(f"{name}: the classical baseline has no network, expected a recipe that has: {_names()}")
    if name not in RECIPES:
        raise UserError(f"unknown recipe {name!r}, expected one of {_names()}")
    return RECIPES[name]


def _names() -> str:
    return ", ".join(RECIPES)
