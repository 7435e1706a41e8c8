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
    description="a network for the edge, no slower in int8 than MLPerf Tiny's ResNet-8",
    data="cifar10",
    network="residual",
    filters=(16, 32, 64, 96),
    blocks=(0, 1, 1),
    validation=0.1,  # 5,000 of 50,000
    epochs=80,
    batch=128,
    optimizer="sgd",
    learning_rate=0.1,
    schedule="one_cycle",
    warmup=0.05,
    weight_decay=5e-3,
    label_smoothing=0.1,
    width_shift_range=0.125,
    height_shift_range=0.125,
    horizontal_flip=True,
    brightness_range=(0.8, 1.2),
    contrast_range=(0.8, 1.2),
    degraded=0.2,
    blur=0.7,
    jpeg_quality=60,
    erased=0.25,
)

CIFAR10_RESNET8 = replace(
    CIFAR10,
    name="cifar10_resnet8",
    description="MLPerf Tiny's ResNet-8, on the same pictures for the same epochs as cifar10",
    network="resnet8",
)

CIFAR10_TEACHER = replace(
    CIFAR10,
    name="cifar10_teacher",
    description="a wide network that cifar10 can learn from (--set teacher=runs/cifar10_teacher)",
    filters=(32, 64, 128, 256),
    blocks=(1, 1, 1),
    epochs=40,
    label_smoothing=0.0,  # softened targets would hide how alike the classes are
    mixup=0.3,
)

TRANSFER = Recipe(
    name="transfer",
    description="any folder of pictures, a backbone that has seen ImageNet, a head fitted in a second",
    data="cats_vs_dogs",
    network="backbone",
    backbone="auto",
    strategy="head",
    size=(224, 224),
    test=0.0,
    epochs=20,  # with hidden layers
    best_by="loss",
    batch=128,
    optimizer="adamw",
    learning_rate=2e-3,
    schedule="one_cycle",
    weight_decay=0.05,
    dropout=0.2,
    horizontal_flip=True,  # in fine-tuning
)

CATS_VS_DOGS_MOBILENET = Recipe(
    name="cats_vs_dogs_mobilenet",
    description="the course chapter's transfer learning: MobileNet, three dense layers, the first 20 layers frozen",
    data="cats_vs_dogs",
    network="backbone",
    backbone="MobileNet",
    strategy="partial",
    freeze=20,
    hidden=(1024, 1024, 512),
    size=(128, 128),
    fit="stretch",  # as Keras' flow_from_directory resizes
    epochs=5,
    batch=32,
)

CATS_VS_DOGS_TUTORIAL = Recipe(
    name="cats_vs_dogs_tutorial",
    description="the course chapter's network for cats and dogs, not altered",
    data="cats_vs_dogs",
    network="cats_vs_dogs_tutorial",
    size=(128, 128),
    fit="stretch",
    epochs=10,
    steps=100,
    batch=20,
    loss="binary_crossentropy",
    shear_range=0.2,
    zoom_range=(0.8, 1.2),
    horizontal_flip=True,
)

CATS_VS_DOGS = Recipe(
    name="cats_vs_dogs",
    description="cats and dogs from scratch, from a thousand pictures of each",
    data="cats_vs_dogs",
    network="residual",
    filters=(32, 64, 128, 256),
    blocks=(1, 1, 1),
    stem_stride=2,
    mirrored=True,
    size=(64, 64),
    validation=0.05,  # every hundred photographs to learn from count
    epochs=150,
    best_by="last",  # where the schedule leads; by 100 validation pictures the best of 150 epochs is luck
    batch=64,
    optimizer="adamw",
    learning_rate=2e-3,
    schedule="one_cycle",
    weight_decay=0.5,
    weight_average=0.99,
    label_smoothing=0.1,
    dropout=0.2,
    mixup=0.3,
    rotation_range=15,
    width_shift_range=0.1,
    height_shift_range=0.1,
    shear_range=8,
    zoom_range=(0.6, 1.15),
    horizontal_flip=True,
    brightness_range=(0.7, 1.3),
    contrast_range=(0.7, 1.3),
    erased=0.3,
)

SCRATCH = replace(
    CATS_VS_DOGS,
    name="scratch",
    description="a folder of pictures, a small network of its own, with no backbone; needs hundreds of pictures",
    mirrored=False,  # left and right may differ
    horizontal_flip=False,
)

CATS_VS_DOGS_CLASSICAL = Recipe(
    name="cats_vs_dogs_classical",
    description="traditional recognition, the baseline: features made by hand, classifiers from scikit-learn",
    data="cats_vs_dogs",
    network="classical",
    size=(128, 128),
)

LIST = (
    FASHION_MNIST,
    CIFAR10_TUTORIAL,
    CIFAR10,
    CIFAR10_RESNET8,
    CIFAR10_TEACHER,
    CATS_VS_DOGS_CLASSICAL,
    CATS_VS_DOGS_TUTORIAL,
    CATS_VS_DOGS,
    CATS_VS_DOGS_MOBILENET,
    TRANSFER,
    SCRATCH,
)
RECIPES = {recipe.name: recipe for recipe in LIST}


def get(name: str) -> Recipe:
    if name not in RECIPES:
        raise UserError(f"unknown recipe {name!r}, expected one of {', '.join(RECIPES)}")
    return RECIPES[name]
