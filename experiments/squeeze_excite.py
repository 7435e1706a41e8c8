"""A network of the kind that int8 hurts: squeeze-excite and hard-swish, as MobileNetV3 has them, trained in minutes.

    python -m experiments.squeeze_excite OUT.tflite [--data cifar10] [--size 32] [--images 20000]

What a network's first few epochs leave is quantized without loss: after BatchNormalization all channels are of one
size, and the ranges of different layers and images are alike. So this one begins where long training ended: MobileNetV2
with its ImageNet weights, every ReLU6 a hard-swish, a squeeze-excite behind every depthwise convolution (A. Howard et
al., Searching for MobileNetV3, 2019, https://arxiv.org/abs/1905.02244). Then all of it is trained once through the
images. The first convolution goes over small images a pixel at a time.

Data: an image cache by name; its last twelfth is left for validation. Writes the float32 .tflite, and the .keras.
"""

import argparse
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import layers

from experiments.cached import cached
from train.backbones import backbones
from train.networks import transfer

# Of a squeeze-excite: how many times fewer channels are inside.
SQUEEZED = 8
# Keras' MobileNetV2 has 0.999, which takes thousands of steps to follow.
MOMENTUM = 0.9
BATCH, RATE = 128, 1e-3
SEED = 1


def build(size: tuple[int, int], labels: int) -> keras.Model:
    """MobileNetV2 with its weights, changed as the module says, and a new head. size: (height, width)."""
    pixels = layers.Input((*size, 3), name="pixels")
    features = _changed(transfer.load(backbones.get("MobileNetV2"), size))(transfer.scaled(pixels, "tf"))
    return keras.Model(pixels, layers.Dense(labels, activation="softmax", name="scores")(features))


def _changed(base: keras.Model) -> keras.Model:
    network = keras.models.clone_model(base, clone_function=_layer, call_function=_called)
    for layer in base.layers:
        if layer.weights:
            network.get_layer(layer.name).set_weights(layer.get_weights())
    return network


def _layer(layer: keras.Layer) -> keras.Layer:
    config = layer.get_config()
    if isinstance(layer, layers.ReLU):
        return layers.Activation("hard_silu", name=layer.name)
    if isinstance(layer, layers.BatchNormalization):
        config["momentum"] = MOMENTUM
    if layer.name == "Conv1":
        config["strides"] = (1, 1)
    return layer.__class__.from_config(config)


def _called(layer: keras.Layer, x: Any, *others: Any, **options: Any) -> Any:
    made = layer(x, *others, **options)
    return _gated(made, layer.name) if layer.name.endswith("depthwise_relu") else made


def _gated(x: keras.KerasTensor, name: str) -> keras.KerasTensor:
    channels = x.shape[-1]
    gate = layers.GlobalAveragePooling2D(keepdims=True, name=f"{name}_pool")(x)
    gate = layers.Conv2D(channels // SQUEEZED, 1, activation="relu", name=f"{name}_squeeze")(gate)
    gate = layers.Conv2D(channels, 1, activation="hard_sigmoid", name=f"{name}_excite")(gate)
    return layers.Multiply(name=f"{name}_gated")([x, gate])


def train(model: keras.Model, images: np.ndarray, targets: np.ndarray) -> None:
    steps = len(targets) // BATCH
    rate = keras.optimizers.schedules.CosineDecay(0.0, steps, warmup_target=RATE, warmup_steps=steps // 10)
    model.compile(optimizer=keras.optimizers.AdamW(rate), loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(images, targets, batch_size=BATCH, verbose=2)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("output", type=Path, metavar="OUT.tflite")
    options.add_argument("--data", default="cifar10")
    options.add_argument("--size", type=int, default=32)
    options.add_argument("--images", type=int, default=20_000)
    given = options.parse_args()
    cache = cached(given.data, given.size)
    keras.utils.set_random_seed(SEED)
    edge = len(cache.targets("train")) * 11 // 12
    rows = np.sort(np.random.default_rng(SEED).permutation(edge)[: given.images])
    model = build((given.size, given.size), len(cache.labels))
    train(model, np.asarray(cache.images("train")[rows]), cache.targets("train")[rows])
    keras_file = given.output.with_suffix(".keras")
    model.save(keras_file)
    from export.conversion import convert

    given.output.write_bytes(convert.convert(keras_file, np.asarray(cache.images("test")[:8]))[0])


if __name__ == "__main__":
    main()
