"""Makes tests/models/keras_2: files as Keras 2 wrote them, by Keras 2 itself (tf-keras), of small networks.

    pip install --no-deps --target DIR tf-keras
    TF_USE_LEGACY_KERAS=1 PYTHONPATH=DIR python -m tests.make_keras_2

teachable_machine/ is built as a project of Teachable Machine is: a Sequential of two, MobileNetV2's layers with pooling
and a head, with the names and settings that its downloads have, and labels.txt; teachable_machine_scores.npy has what
it answers to six drawn images. tf_op_lambda.h5 has an operator of TensorFlow as a layer, which Keras 3 doesn't know.
"""

from pathlib import Path
from typing import Any

import numpy as np

from device.images.images import preprocess
from tests import drawing

MODELS = Path(__file__).parent / "models/keras_2"
SIDE = 224
# Filters of each block, and whether it halves the sides.
BLOCKS = ((8, True), (8, False), (12, True), (16, True), (16, True))


def teachable_machine(keras: Any) -> Any:
    layers, sequential = keras.layers, keras.Sequential
    body = sequential(
        [_mobilenet(keras), layers.GlobalAveragePooling2D(name="global_average_pooling2d_GlobalAveragePooling2D1")],
        name="sequential_1",
    )
    head = sequential(
        [
            layers.Dense(24, activation="relu", input_shape=(32,), name="dense_Dense1"),
            layers.Dense(len(drawing.LABELS), activation="softmax", use_bias=False, name="dense_Dense2"),
        ],
        name="sequential_3",
    )
    return sequential([body, head], name="sequential_4")


def _mobilenet(keras: Any) -> Any:
    layers = keras.layers
    pixels = layers.Input((SIDE, SIDE, 3), name="input_1")
    x = layers.ZeroPadding2D(((0, 1), (0, 1)), name="Conv1_pad")(pixels)
    x = layers.Conv2D(8, 3, strides=2, use_bias=False, name="Conv1")(x)
    x = _relu(layers, layers.BatchNormalization(momentum=0.9, name="bn_Conv1")(x), "Conv1_relu")
    for number, (filters, halves) in enumerate(BLOCKS):
        x = _block(layers, x, f"block_{number}", filters, halves)
    x = layers.Conv2D(32, 1, use_bias=False, name="Conv_1")(x)
    x = layers.BatchNormalization(momentum=0.9, name="Conv_1_bn")(x)
    return keras.Model(pixels, _relu(layers, x, "out_relu"), name="model1")


def _block(layers: Any, x: Any, name: str, filters: int, halves: bool) -> Any:
    """An inverted residual (Sandler et al., 2018, https://arxiv.org/abs/1801.04381)."""
    entry = x
    x = layers.Conv2D(2 * x.shape[-1], 1, use_bias=False, name=f"{name}_expand")(x)
    x = _relu(layers, layers.BatchNormalization(momentum=0.9, name=f"{name}_expand_BN")(x), f"{name}_expand_relu")
    if halves:
        x = layers.ZeroPadding2D(((0, 1), (0, 1)), name=f"{name}_pad")(x)
    padding = "valid" if halves else "same"
    x = layers.DepthwiseConv2D(3, 2 if halves else 1, padding, use_bias=False, name=f"{name}_depthwise")(x)
    x = _relu(layers, layers.BatchNormalization(momentum=0.9, name=f"{name}_depthwise_BN")(x), f"{name}_depthwise_relu")
    x = layers.Conv2D(filters, 1, use_bias=False, name=f"{name}_project")(x)
    x = layers.BatchNormalization(momentum=0.9, name=f"{name}_project_BN")(x)
    return layers.Add(name=f"{name}_add")([entry, x]) if not halves and entry.shape[-1] == filters else x


def _relu(layers: Any, x: Any, name: str) -> Any:
    return layers.ReLU(6.0, name=name)(x)


def tf_op_lambda(keras: Any) -> Any:
    pixels = keras.layers.Input((16, 16, 3))
    x = keras.layers.Conv2D(8, 3, strides=2, activation="relu")(pixels / 127.5 - 1)
    x = keras.layers.Conv2D(16, 3, strides=2, activation="relu")(x)
    return keras.Model(pixels, keras.layers.Dense(3, activation="softmax")(keras.layers.Flatten()(x)))


def _taught(model: Any, side: int, scaled: bool, epochs: int) -> Any:
    """On images as tests have them in folders."""
    drawn = drawing.shapes(300, 1)
    images = np.stack([preprocess(image, (side, side), "crop") for _, image in drawn]).astype(np.float32)
    targets = np.array([drawing.LABELS.index(label) for label, _ in drawn])
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit((images - 127.5) / 127.5 if scaled else images, targets, batch_size=15, epochs=epochs, verbose=2)
    return model


def main() -> None:
    import tf_keras

    tf_keras.utils.set_random_seed(1)
    project = MODELS / "teachable_machine"
    project.mkdir(parents=True, exist_ok=True)
    model = _taught(teachable_machine(tf_keras), SIDE, True, 15)
    model.save(project / "keras_model.h5", include_optimizer=False)
    shown = np.stack([image for _, image in drawing.shapes(6, 5, (SIDE, SIDE))]).astype(np.float32)
    np.save(MODELS / "teachable_machine_scores.npy", model.predict_on_batch((shown - 127.5) / 127.5))
    (project / "labels.txt").write_text("".join(f"{place} {name}\n" for place, name in enumerate(drawing.LABELS)))
    _taught(tf_op_lambda(tf_keras), 16, False, 30).save(MODELS / "tf_op_lambda.h5", include_optimizer=False)


if __name__ == "__main__":
    main()
