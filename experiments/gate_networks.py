"""The int8 networks that the gate proves itself with: a small and a large one, and each with a few layers more.

    python -m experiments.gate_networks        a minute; writes benchmarks/gate/networks/*.tflite

Equal convolutions in a row, so that two, three or five more of sixty are about 3, 5 or 8 % more work: really larger, no
sleep. How much slower each is on a machine is measured there. Weights are random; nobody reads the scores.
"""

import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from experiments.record import ROOT

FOLDER = ROOT / "benchmarks/gate/networks"
LAYERS = 60
MORE = {"": 0, "_3": 2, "_5": 3, "_8": 5}


@dataclass(frozen=True)
class Shape:
    """side x side pixels, so many channels."""

    side: int
    channels: int


SHAPES = {"small": Shape(20, 8), "large": Shape(128, 16)}


def build(shape: Shape, convolutions: int) -> bytes:
    """The float32 .tflite."""
    import keras
    from keras import layers

    from export.conversion import convert
    from train.environment import keras_settings

    keras_settings.apply()
    keras.utils.set_random_seed(1)
    pixels = x = layers.Input((shape.side, shape.side, 3))
    for _ in range(convolutions):
        x = layers.Conv2D(shape.channels, 3, padding="same", activation="relu")(x)
    scores = layers.Dense(2, activation="softmax")(layers.GlobalAveragePooling2D()(x))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.keras"
        keras.Model(pixels, scores).save(path)
        float32, _ = convert.convert(path, np.zeros((0, shape.side, shape.side, 3), np.uint8))
    return float32


def main() -> None:
    from export.conversion import quantize

    FOLDER.mkdir(exist_ok=True)
    random = np.random.default_rng(1)
    for name, shape in SHAPES.items():
        size = (1, shape.side, shape.side, 3)
        calibration = [random.integers(0, 256, size).astype(np.float32) for _ in range(4)]
        for suffix, more in MORE.items():
            network = quantize.make("int8", build(shape, LAYERS + more), iter(calibration), 0, 255)
            path = FOLDER / f"{name}{suffix}.tflite"
            path.write_bytes(network)
            print(path.relative_to(ROOT), len(network))


if __name__ == "__main__":
    main()
