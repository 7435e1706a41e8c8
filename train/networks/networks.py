"""The networks, as functions of size, number of labels and recipe. They take pixels 0..255; scaling is a layer
inside."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import keras
import numpy as np
from keras import layers

from device import text
from device.errors import UserError
from train.environment import keras_settings
from train.networks import transfer
from train.recipes import fields
from train.recipes.recipe import Recipe

# ITU-R BT.601: the shares of red, green and blue in a pixel's brightness; as OpenCV's RGB2GRAY.
LUMINANCE = (0.299, 0.587, 0.114)


def build(recipe: Recipe, labels: int) -> keras.Model:
    """The recipe's network, not compiled: [n, height, width, 3] pixels 0..255 -> [n, labels] probabilities.

    UserError if the image is too small for its layers, or a backbone isn't available.
    """
    keras_settings.apply()
    if recipe.network.has_backbone:
        return parts(recipe, labels).whole
    with _fitting(recipe):
        return _build(recipe, labels)


def parts(recipe: Recipe, labels: int) -> transfer.Parts:
    """The same for a recipe with a backbone, as the parts that training the head needs."""
    keras_settings.apply()
    with _fitting(recipe):
        return transfer.build(recipe, labels)


@contextmanager
def _fitting(recipe: Recipe) -> Iterator[None]:
    """Turns Keras' error for an image that is too small into a UserError."""
    try:
        yield
    except ValueError as error:
        size = fields.size_text(recipe.data.image_size)
        raise UserError(
            f"{recipe.name}: the network can't be built for {size} images ({text.one_line(error)}); try larger ones,"
            " --set image_size=HxW"
        ) from None


def flip_averaged(model: keras.Model) -> keras.Model:
    """A network that averages the predictions for the image and its mirror image, with the same weights.

    It takes twice as long. A slice mirrors left and right, because LiteRT's quantizer doesn't support a flip.
    """
    pixels = layers.Input(model.input_shape[1:], name="pixels")
    # An uncompiled model: Keras saves an optimizer once, with the innermost model that has it.
    network = keras.Model(model.input, model.output, name=model.name)
    both = [network(pixels), network(pixels[:, :, ::-1])]
    return keras.Model(pixels, layers.Average(name="mean")(both), name=f"{model.name}_mirrored")


def as_saved(model: keras.Model, recipe: Recipe) -> keras.Model:
    """The trained network in the form that model.keras has."""
    return flip_averaged(model) if recipe.network.flip_average else model


def trained_part(model: keras.Model) -> keras.Model:
    """The trained network inside one that `flip_averaged` made; any other network unchanged, also a mean of several."""
    inside = [layer for layer in model.layers if isinstance(layer, keras.Model)]
    return inside[0] if isinstance(model.layers[-1], layers.Average) and len(inside) == 1 else model


def load(path: Path) -> keras.Model:
    """Loads a saved model, not compiled; UserError if the file can't be read."""
    keras_settings.apply()
    try:
        return keras.models.load_model(path, compile=False)
    except Exception as error:  # zipfile, json and Keras' own: whatever a damaged file raises
        raise UserError(
            f"{path}: can't be read as a Keras model ({text.one_line(error)}), expected a whole file of a version of"
            " Keras up to this one; save it again, or train again"
        ) from None


def _build(recipe: Recipe, labels: int) -> keras.Model:
    pixels = layers.Input((*recipe.data.image_size, 3), name="pixels")
    scaled = layers.Rescaling(1 / 255, name="scale")(pixels)
    if recipe.network.grayscale:
        scaled = _luminance(scaled)
    scores = NETWORKS[recipe.network.architecture](scaled, labels, recipe)
    return keras.Model(pixels, scores, name=recipe.name)


def _luminance(x: keras.KerasTensor) -> keras.KerasTensor:
    """RGB to brightness with fixed weights, so that a network for gray images works with a color camera."""
    layer = layers.Conv2D(1, 1, use_bias=False, trainable=False, name="luminance")
    gray = layer(x)
    layer.set_weights([np.array(LUMINANCE, np.float32).reshape(1, 1, 3, 1)])
    return gray


def cifar10_tutorial(x: keras.KerasTensor, labels: int, recipe: Recipe) -> keras.KerasTensor:
    """The course chapter's CIFAR-10 network, layer by layer."""
    x = layers.Conv2D(64, 3, activation="relu")(x)
    x = layers.MaxPooling2D(2)(x)
    x = layers.Conv2D(32, 3, activation="relu")(x)
    x = layers.Flatten()(x)
    x = layers.Dense(80, activation="relu")(x)
    return layers.Dense(labels, activation="softmax", name="scores")(x)


def cats_vs_dogs_tutorial(x: keras.KerasTensor, labels: int, recipe: Recipe) -> keras.KerasTensor:
    """The course chapter's network for two classes, layer by layer; it ends in one sigmoid."""
    if labels != 2:
        raise UserError(
            f"the network cats_vs_dogs_tutorial has two classes, the data has {labels}; choose another recipe"
        )
    x = layers.Conv2D(32, 3, activation="relu")(x)
    x = layers.MaxPooling2D(2)(x)
    x = layers.Conv2D(64, 3, activation="relu")(x)
    x = layers.MaxPooling2D(2)(x)
    x = layers.Flatten()(x)
    x = layers.Dense(512, activation="relu")(x)
    return layers.Dense(1, activation="sigmoid", name="score")(x)


def tiny(x: keras.KerasTensor, labels: int, recipe: Recipe) -> keras.KerasTensor:
    """A few thousand parameters, for a few simple classes and for tests."""
    x = _convolution(x, 8, strides=2)
    x = _convolution(x, 16, strides=2)
    x = _convolution(x, 16)
    x = layers.Flatten()(x)
    x = layers.Dropout(recipe.network.dropout, seed=recipe.seed)(x)
    return layers.Dense(labels, activation="softmax", name="scores")(x)


def residual(x: keras.KerasTensor, labels: int, recipe: Recipe) -> keras.KerasTensor:
    """A stem, then stages of a 3x3 with stride 2 and residual blocks.

    Strides early and few blocks at high resolution: wide layers at low resolution cost little.
    """
    stem, *stages = recipe.network.filters
    x = _convolution(x, stem, strides=recipe.network.stem_stride)
    for filters, blocks in zip(stages, recipe.network.blocks, strict=True):
        x = _convolution(x, filters, strides=2)
        for _ in range(blocks):
            x = _residual(x, filters)
    return _pooled(x, labels, recipe)


def resnet8(x: keras.KerasTensor, labels: int, recipe: Recipe) -> keras.KerasTensor:
    """MLPerf Tiny's network for CIFAR-10 (https://github.com/mlcommons/tiny, image classification): ResNet-8."""
    x = _convolution(x, 16)
    x = _residual(x, 16)
    for filters in (32, 64):
        y = _convolution(x, filters, strides=2)
        y = _convolution(y, filters, activate=False)
        x = layers.Conv2D(filters, 1, strides=2, padding="same")(x)
        x = layers.ReLU()(layers.Add()([x, y]))
    return _pooled(x, labels, recipe)


def _pooled(x: keras.KerasTensor, labels: int, recipe: Recipe) -> keras.KerasTensor:
    x = layers.GlobalAveragePooling2D()(x)
    x = layers.Dropout(recipe.network.dropout, seed=recipe.seed)(x)
    return layers.Dense(labels, activation="softmax", name="scores")(x)


def _convolution(x: keras.KerasTensor, filters: int, strides: int = 1, activate: bool = True) -> keras.KerasTensor:
    x = layers.Conv2D(filters, 3, strides=strides, padding="same", use_bias=False)(x)
    x = layers.BatchNormalization(momentum=0.9)(x)
    return layers.ReLU()(x) if activate else x


def _residual(x: keras.KerasTensor, filters: int) -> keras.KerasTensor:
    """Two 3x3 convolutions and a shortcut around them (He et al., 2015, https://arxiv.org/abs/1512.03385)."""
    y = _convolution(x, filters)
    y = _convolution(y, filters, activate=False)
    return layers.ReLU()(layers.Add()([x, y]))


NETWORKS: dict[str, Callable[[keras.KerasTensor, int, Recipe], keras.KerasTensor]] = {
    "residual": residual,
    "resnet8": resnet8,
    "tiny": tiny,
    "cifar10_tutorial": cifar10_tutorial,
    "cats_vs_dogs_tutorial": cats_vs_dogs_tutorial,
}
