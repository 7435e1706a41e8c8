"""A network of the kind that int8 hurts: depthwise convolutions, hard-swish and squeeze-excite, trained in minutes.

    python -m experiments.squeeze_excite OUT.tflite [--data fashion_mnist] [--size 28] [--epochs 2]

EfficientNet-B0's blocks (Tan and Le, 2019, https://arxiv.org/abs/1905.11946), small, with MobileNetV3's activations.
Hundreds of epochs leave channels that differ in size by orders of magnitude, which is what hurts; a few epochs don't,
so BatchNormalization's scales begin that far apart (log-normal). Data: an image cache by name; its last twelfth is
left for validation. Writes the float32 .tflite.
"""

import argparse
from pathlib import Path

import keras
import numpy as np
from keras import layers

from device.data import folders

STEM = 24
# Kernel, filters, expansion, stride.
BLOCKS = (
    (3, 16, 1, 1),
    (3, 24, 6, 1),
    (3, 24, 6, 1),
    (5, 40, 6, 2),
    (5, 40, 6, 1),
    (3, 80, 6, 2),
    (3, 80, 6, 1),
    (5, 96, 6, 1),
)
# Of the logarithm of BatchNormalization's scales.
SPREAD = 0.8
SEED = 1


def build(size: tuple[int, int], labels: int) -> keras.Model:
    """A small network with squeeze-excite blocks and hard swish, as MobileNetV3 has them. size: (height, width)."""
    pixels = layers.Input((*size, 3), name="pixels")
    x = layers.Rescaling(1 / 255, name="scale")(pixels)
    x = _activated(_normalized(layers.Conv2D(STEM, 3, 2, padding="same", use_bias=False, name="stem")(x)))
    for number, block in enumerate(BLOCKS, 1):
        x = _block(x, *block, name=f"block{number}")
    x = _activated(_normalized(layers.Conv2D(128, 1, use_bias=False, name="top")(x)))
    x = layers.GlobalAveragePooling2D()(x)
    return keras.Model(pixels, layers.Dense(labels, activation="softmax", name="scores")(x))


def _block(
    x: keras.KerasTensor, kernel: int, filters: int, expansion: int, stride: int, name: str
) -> keras.KerasTensor:
    before = x
    wide = expansion * x.shape[-1]
    x = _activated(_normalized(layers.Conv2D(wide, 1, use_bias=False, name=f"{name}_expand")(x)))
    depthwise = layers.DepthwiseConv2D(kernel, stride, padding="same", use_bias=False, name=f"{name}_depthwise")
    x = _activated(_normalized(depthwise(x)))
    gate = layers.GlobalAveragePooling2D(keepdims=True)(x)
    gate = layers.Conv2D(max(4, x.shape[-1] // 24), 1, activation="hard_silu", name=f"{name}_squeeze")(gate)
    gate = layers.Conv2D(wide, 1, activation="hard_sigmoid", name=f"{name}_excite")(gate)
    x = layers.Multiply()([x, gate])
    x = _normalized(layers.Conv2D(filters, 1, use_bias=False, name=f"{name}_project")(x))
    return layers.Add()([before, x]) if before.shape == x.shape else x


def _normalized(x: keras.KerasTensor) -> keras.KerasTensor:
    scales = np.random.lognormal(0.0, SPREAD, x.shape[-1])
    spread = keras.initializers.Constant(scales)
    return layers.BatchNormalization(momentum=0.9, gamma_initializer=spread)(x)


def _activated(x: keras.KerasTensor) -> keras.KerasTensor:
    return layers.Activation("hard_silu")(x)


def train(model: keras.Model, images: np.ndarray, targets: np.ndarray, epochs: int) -> None:
    """images: uint8, n x height x width x 3; targets: n label numbers."""
    batch = 128
    steps = epochs * (len(targets) // batch)
    rate = keras.optimizers.schedules.CosineDecay(0.0, steps, warmup_target=4e-3, warmup_steps=steps // 10)
    model.compile(optimizer=keras.optimizers.AdamW(rate), loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(images, targets, batch_size=batch, epochs=epochs, verbose=2)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("output", type=Path, metavar="OUT.tflite")
    options.add_argument("--data", default="fashion_mnist")
    options.add_argument("--size", type=int, default=28)
    options.add_argument("--epochs", type=int, default=2)
    given = options.parse_args()
    cache = folders.find_cache(given.data, (given.size, given.size), "crop")
    assert cache, f"make the cache with: python -m train data {given.data} --size {given.size}x{given.size}"
    keras.utils.set_random_seed(SEED)
    rows = len(cache.targets("train")) * 11 // 12
    model = build((given.size, given.size), len(cache.labels))
    train(model, np.asarray(cache.images("train")[:rows]), cache.targets("train")[:rows], given.epochs)
    keras_file = given.output.with_suffix(".keras")
    model.save(keras_file)
    from export.conversion import convert

    given.output.write_bytes(convert.convert(keras_file, np.asarray(cache.images("test")[:8]))[0])


if __name__ == "__main__":
    main()
