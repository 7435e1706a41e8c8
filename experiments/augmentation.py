"""How many pictures a second the augmentation makes, beside six Keras layers in a row. Interleaved, in one process.

python -m experiments.augmentation        about a minute; nothing else may run
"""

import os
import statistics
import time
from typing import Any

import numpy as np

from experiments.record import write

SIZE, BATCH, ROUNDS = 128, 64, 15


def main() -> None:
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    import keras
    import tensorflow as tf

    from train.augment import Augmentation

    augmentation = Augmentation(
        rotation_range=40,
        width_shift_range=0.2,
        height_shift_range=0.2,
        shear_range=20,
        zoom_range=(0.8, 1.2),
        horizontal_flip=True,
        brightness_range=(0.8, 1.2),
    )
    layers = keras.Sequential(
        [
            keras.layers.RandomRotation(40 / 360, fill_mode="nearest"),
            keras.layers.RandomTranslation(0.2, 0.2, fill_mode="nearest"),
            keras.layers.RandomShear(0.2, 0.2, fill_mode="nearest"),
            keras.layers.RandomZoom(0.2, 0.2, fill_mode="nearest"),
            keras.layers.RandomFlip("horizontal"),
            keras.layers.RandomBrightness(0.2),
        ]
    )
    by_keras = tf.function(lambda batch: layers(batch, training=True))
    random = np.random.default_rng(1)
    pictures = random.integers(0, 256, (BATCH, SIZE, SIZE, 3), np.uint8)
    floats = tf.constant(pictures, tf.float32)
    calls: dict[str, Any] = {
        "ours": lambda: augmentation.augment(pictures, random),
        "six Keras layers": lambda: by_keras(floats).numpy(),
    }
    seconds: dict[str, list[float]] = {name: [] for name in calls}
    for number in range(ROUNDS + 2):
        for name, call in calls.items():
            start = time.perf_counter()
            call()
            if number >= 2:  # the first two are warm-up
                seconds[name].append(time.perf_counter() - start)
    rows = [
        {"what": name, "pictures_per_s": BATCH / statistics.median(took), "rounds": len(took), "batch": BATCH}
        for name, took in seconds.items()
    ]
    ratio = statistics.median(k / o for o, k in zip(seconds["ours"], seconds["six Keras layers"], strict=True))
    write("augmentation", rows, "python -m experiments.augmentation", size=SIZE, ratio=ratio)


if __name__ == "__main__":
    main()
