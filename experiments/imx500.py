"""From a hand-over folder alone to what an IMX500 loads: quantized by Sony's toolkit, compiled by Sony's converter.

    python3.11 -m venv imx && imx/bin/pip install 'imx500-converter[tf]==3.19.2' model-compression-toolkit==2.5.1
    imx/bin/python experiments/imx500.py FOLDER OUT        FOLDER: of python -m export RUN --hand-over; needs Java 17

Runs in that environment, whose TensorFlow is 2.15: nothing of framelite is imported. Its Keras 2 doesn't load a
model.keras of Keras 3, and the converter refuses Rescaling; so the network is built anew, layer by layer, and the
scaling goes into the weights of the convolution behind it. What was found: docs/results.md.
"""

import io
import json
import os
import re
import subprocess
import sys
import zipfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import h5py
import model_compression_toolkit as mct
import numpy as np
import tensorflow as tf

# What Keras 3 writes of a layer and Keras 2 doesn't know.
UNKNOWN = ("optional", "quantization_config", "renorm", "renorm_clipping", "renorm_momentum", "lora_rank", "lora_alpha")


def rebuilt(path: Path) -> Any:
    """The network of a Keras 3 file as one of Keras 2. AssertionError for a Rescaling with an offset."""
    with zipfile.ZipFile(path) as archive:
        config = json.loads(archive.read("config.json"))["config"]
        weights = h5py.File(io.BytesIO(archive.read("model.weights.h5")))
    made: dict[str, Any] = {}
    counts: Counter[str] = Counter()
    factor = 1.0
    for entry in config["layers"]:
        kind, name, settings = entry["class_name"], entry["name"], entry["config"]
        group = _group(kind, counts)
        if kind == "InputLayer":
            made[name] = tf.keras.Input(settings["batch_shape"][1:], name=name)
            continue
        inputs = [made[before] for before in _before(entry)]
        if kind == "Rescaling":
            assert settings["offset"] == 0
            made[name], factor = inputs[0], settings["scale"]
            continue
        layer = getattr(tf.keras.layers, kind).from_config(_settings(settings))
        made[name] = layer(inputs if len(inputs) > 1 else inputs[0])
        if layer.weights:
            arrays = [weights[f"layers/{group}/vars/{i}"][()] for i in range(len(layer.weights))]
            layer.set_weights([arrays[0] * factor, *arrays[1:]])
            factor = 1.0
    return tf.keras.Model(made[config["input_layers"][0]], made[config["output_layers"][0]])


def _group(kind: str, counts: "Counter[str]") -> str:
    """What the weights' file calls the layer: its class in small letters, the further ones with a number."""
    words = {"Conv2D": "conv2d", "DepthwiseConv2D": "depthwise_conv2d", "ReLU": "re_lu"}
    name = words.get(kind) or re.sub(r"(?<=[a-z])(?=[A-Z])", "_", kind).lower()
    counts[name] += 1
    return name if counts[name] == 1 else f"{name}_{counts[name] - 1}"


def _before(entry: "dict[str, Any]") -> "list[str]":
    """The names of the layers that a layer takes."""
    given = entry["inbound_nodes"][0]["args"][0]
    return [each["config"]["keras_history"][0] for each in (given if isinstance(given, list) else [given])]


def _settings(settings: "dict[str, Any]") -> "dict[str, Any]":
    """Without what is for training alone, and number types by their name."""
    training = ("initializer", "regularizer", "constraint")
    known = {key: value for key, value in settings.items() if key not in UNKNOWN and not key.endswith(training)}
    return {**known, "dtype": "float32"}


def main() -> None:
    folder, out = map(Path, sys.argv[1:])
    images = np.load(folder / "calibration.npy").astype(np.float32)
    expected = np.load(folder / "expected_scores.npy")

    def batches() -> Iterator[list[Any]]:
        """Calibration images, twenty at a time."""
        for start in range(0, len(images), 20):
            yield [images[start : start + 20]]

    network = rebuilt(folder / "model.keras")
    _compare("rebuilt", network.predict(images, verbose=0), expected)
    target = mct.get_target_platform_capabilities("tensorflow", "imx500")
    quantized, _ = mct.ptq.keras_post_training_quantization(network, batches, target_platform_capabilities=target)
    _compare("quantized", quantized.predict(images, verbose=0), expected)
    out.mkdir(parents=True, exist_ok=True)
    mct.exporter.keras_export_model(model=quantized, save_model_path=str(out / "quantized.keras"))
    converter = Path(sys.executable).parent / "imxconv-tf"
    words = [str(converter), "-i", str(out / "quantized.keras"), "-o", str(out / "compiled"), "--overwrite-output"]
    # It calls programs that lie beside it.
    path = os.pathsep.join([str(converter.parent), os.environ["PATH"]])
    subprocess.run(words, check=True, env={**os.environ, "PATH": path})
    print(*(f"{path.name} {path.stat().st_size}" for path in sorted((out / "compiled").iterdir())), sep="\n")


def _compare(what: str, scores: Any, expected: Any) -> None:
    same = (scores.argmax(axis=1) == expected.argmax(axis=1)).mean()
    print(f"{what}: largest difference of a score {np.abs(scores - expected).max():.3g}, same label {100 * same:.1f} %")


if __name__ == "__main__":
    main()
