"""What can't be exported of Keras models and SavedModels: one line says what to do, exit code 2, nothing written."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests import drawing, foreign
from tests.conftest import Run

pytestmark = [
    pytest.mark.tensorflow,
    # Keras 3.15 saves through an __array__ that numpy 2 warns of.
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
]


def custom_layer(keras: Any, path: Path) -> None:
    @keras.saving.register_keras_serializable("Mine")
    class Swish(keras.layers.Layer):  # type: ignore[misc]
        def call(self, x: Any) -> Any:
            return x

    _classifier(keras, Swish()).save(path)


def lambda_layer(keras: Any, path: Path) -> None:
    _classifier(keras, keras.layers.Lambda(lambda x: x * 2)).save(path)


def several_inputs(keras: Any, path: Path) -> None:
    one, other = keras.layers.Input((16, 16, 3), name="left"), keras.layers.Input((16, 16, 3), name="right")
    _head(keras, [one, other], keras.layers.Add()([one, other])).save(path)


def several_outputs(keras: Any, path: Path) -> None:
    """A detector's: boxes and classes."""
    pixels = keras.layers.Input((16, 16, 3))
    flat = keras.layers.Flatten()(pixels)
    boxes, classes = keras.layers.Dense(4, name="boxes")(flat), keras.layers.Dense(3, name="classes")(flat)
    keras.Model(pixels, [boxes, classes]).save(path)


def open_size(keras: Any, path: Path) -> None:
    pixels = keras.layers.Input((None, None, 3))
    _head(keras, pixels, keras.layers.GlobalAveragePooling2D()(pixels)).save(path)


def gray(keras: Any, path: Path) -> None:
    pixels = keras.layers.Input((16, 16, 1))
    _head(keras, pixels, pixels).save(path)


def weights_alone(keras: Any, path: Path) -> None:
    _classifier(keras).save_weights(path)


def half_an_h5(keras: Any, path: Path) -> None:
    _classifier(keras).save(path)
    path.write_bytes(path.read_bytes()[:-4000])


def without_signature(keras: Any, path: Path) -> None:
    import tensorflow as tf

    tf.saved_model.save(tf.Module(), str(path))


def without_an_operator(keras: Any, path: Path) -> None:
    """TFLite has none for the error function's inverse."""
    import tensorflow as tf

    module = tf.Module()
    module.call = tf.function(
        lambda pixels: tf.math.erfinv(tf.reduce_mean(pixels, axis=(1, 2)) / 300),
        input_signature=[tf.TensorSpec((1, 16, 16, 3), tf.float32)],
    )
    tf.saved_model.save(module, str(path), signatures=module.call.get_concrete_function())


def sound(keras: Any, path: Path) -> None:
    _classifier(keras).save(path)


def _classifier(keras: Any, *layers: Any) -> Any:
    pixels = keras.layers.Input((16, 16, 3))
    x = pixels
    for layer in layers:
        x = layer(x)
    return _head(keras, pixels, x)


def _head(keras: Any, inputs: Any, x: Any) -> Any:
    return keras.Model(inputs, keras.layers.Dense(3, activation="softmax")(keras.layers.Flatten()(x)))


LABELS = ("--labels", "names.txt")
IMAGES = ("--calibration", "shapes")
FED = ("--mean", "0", "--std", "1")
REGISTER = ("Swish", "keras.saving.register_keras_serializable", "model.export(DIR)")
# The model's name, who writes it, what is asked beside it, and words of the reason.
CASES: dict[str, tuple[str, Callable[[Any, Path], None], tuple[str, ...], tuple[str, ...]]] = {
    "custom layer": ("m.keras", custom_layer, (*LABELS, *IMAGES, *FED), REGISTER),
    "custom layer, h5": ("m.h5", custom_layer, (*LABELS, *IMAGES, *FED), REGISTER),
    "lambda": ("m.keras", lambda_layer, (*LABELS, *IMAGES, *FED), ("Lambda", "model.export(DIR)")),
    "several inputs": ("m.keras", several_inputs, (*LABELS, *IMAGES, *FED), ("2 inputs", "left", "right")),
    "several outputs": ("m.keras", several_outputs, (*LABELS, *IMAGES, *FED), ("2 outputs", "(None, 4)")),
    "open size": ("m.keras", open_size, (*LABELS, *IMAGES, *FED), ("--size HxW",)),
    "gray": ("m.keras", gray, (*LABELS, *IMAGES, *FED), ("[1, 16, 16, 1]", "[1, height, width, 3]")),
    "weights": ("m.weights.h5", weights_alone, (*LABELS, *IMAGES, *FED), ("weights without a network",)),
    "truncated": ("m.h5", half_an_h5, (*LABELS, *IMAGES, *FED), ("truncated",)),
    "no signature": ("m", without_signature, (*LABELS, *IMAGES, *FED), ("serving_default",)),
    "no operator": ("m", without_an_operator, (*LABELS, *IMAGES, *FED), ("Erfinv",)),
    "labels": ("m.keras", sound, ("--labels", "two.txt", *IMAGES, *FED), ("two.txt has 2 labels", "3 outputs")),
    "no labels": ("m.keras", sound, (*IMAGES, *FED), ("--labels FILE",)),
    "no calibration": ("m.keras", sound, (*LABELS, *FED), ("--calibration DIR",)),
    "no scaling": ("m.keras", sound, (*LABELS, *IMAGES), ("--mean and --std",)),
    "few images": ("m.keras", sound, (*LABELS, "--calibration", "few", *FED), ("few: 9 calibration", "at least 10")),
    "no images": ("m.keras", sound, (*LABELS, "--calibration", "texts", *FED), ("texts: 0 calibration",)),
    "the test's": ("m.keras", sound, (*LABELS, *IMAGES, "--test", "shapes", *FED), ("12 of 12 test images",)),
}


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("images")
    drawing.write_folder(folder / "shapes", {None: 12})
    drawing.write_folder(folder / "few", {None: 9})
    (folder / "texts").mkdir()
    (folder / "texts/a.txt").write_text("no image")
    (folder / "names.txt").write_text(foreign.LABELS)
    (folder / "two.txt").write_text("one\nother\n")
    return folder


@pytest.mark.parametrize("case", CASES)
def test_refused(case: str, warm: Run, images: Path, tmp_path: Path) -> None:
    import keras

    name, write, words, reasons = CASES[case]
    shutil.copytree(images, tmp_path, dirs_exist_ok=True)
    write(keras, tmp_path / name)
    before = sorted(tmp_path.rglob("*"))
    done = warm("export", name, *words)
    assert done.returncode == 2, done.stderr
    *notes, last = done.stderr.splitlines()
    assert all(line.startswith(("note: ", "float32: ")) for line in notes), done.stderr
    place = words[words.index("--calibration") + 1] if case in ("few images", "no images") else name
    place = "shapes" if case == "the test's" else place
    assert last.startswith(f"error: {place}: ")
    assert all(reason in last for reason in reasons), last
    assert done.stdout == ""
    assert sorted(tmp_path.rglob("*")) == before
