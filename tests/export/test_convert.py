"""Keras -> float32.tflite: the same bytes from every process, Keras' own answers beside them, one output a label."""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from ai_edge_litert.tools import flatbuffer_utils

from device.model.channels import Channels
from export.conversion import convert
from tests import foreign, warm
from tests.trained import Trained

pytestmark = pytest.mark.tensorflow

IMAGES = foreign.images(40, seed=1)


def one_sigmoid(bias: bool) -> Any:
    """As one would train two classes: a convolution, then a single sigmoid."""
    import keras

    keras.utils.set_random_seed(1)
    layers = keras.layers
    model = keras.Sequential(
        [
            layers.Input((16, 16, 3)),
            layers.Rescaling(1 / 255),
            layers.Conv2D(4, 3, strides=2, activation="relu"),
            layers.Flatten(),
            layers.Dense(1, activation="sigmoid", use_bias=bias, bias_initializer="random_normal"),
        ]
    )
    kernel, *rest = model.layers[-1].get_weights()
    model.layers[-1].set_weights([kernel * 4, *rest])  # so that the answers differ from image to image
    return model


@pytest.mark.parametrize("bias", [True, False])
def test_a_sigmoid_becomes_the_equal_softmax(bias: bool) -> None:
    from export.conversion import loading

    model = one_sigmoid(bias)
    changed = loading.with_softmax(model)
    p = model.predict_on_batch(IMAGES.astype(np.float32))
    pair = changed.predict_on_batch(IMAGES.astype(np.float32))
    np.testing.assert_allclose(pair, np.concatenate([1 - p, p], axis=1), atol=1e-6)
    assert p.min() < 0.4 < 0.6 < p.max(), "the answers are not all alike"
    assert changed.layers[-1].use_bias == bias


def test_other_heads_stay_as_they_are() -> None:
    import keras

    from export.conversion import loading

    for units, activation in ((2, "softmax"), (2, "sigmoid"), (1, "linear"), (1, "relu")):
        model = keras.Sequential([keras.layers.Input((4,)), keras.layers.Dense(units, activation=activation)])
        assert loading.with_softmax(model) is model


def operators(content: bytes) -> list[int]:
    tree = flatbuffer_utils.read_model_from_bytearray(bytearray(content))
    codes = [max(code.builtinCode, code.deprecatedBuiltinCode) for code in tree.operatorCodes]
    return [codes[operator.opcodeIndex] for operator in tree.subgraphs[0].operators]


def answers(content: bytes) -> npt.NDArray[np.float32]:
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_content=content)
    interpreter.allocate_tensors()
    rows = []
    for image in IMAGES:
        interpreter.set_tensor(interpreter.get_input_details()[0]["index"], image[None].astype(np.float32))
        interpreter.invoke()
        rows.append(interpreter.get_tensor(interpreter.get_output_details()[0]["index"])[0].copy())
    return np.array(rows)


# Keras 3.15 saves through an __array__ that numpy 2 warns of.
@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
def test_a_sigmoid_s_file_has_two_outputs_and_no_more_operators(tmp_path: Path) -> None:
    import tensorflow as tf

    model = one_sigmoid(bias=True)
    model.save(tmp_path / "model.keras")
    with warm.converting():
        content, scores = convert.convert(tmp_path / "model.keras", IMAGES)
    p = model.predict_on_batch(IMAGES.astype(np.float32))
    expected = np.concatenate([1 - p, p], axis=1)
    np.testing.assert_allclose(scores, expected, atol=1e-6)
    np.testing.assert_allclose(answers(content), expected, atol=1e-6)
    single = tf.lite.TFLiteConverter.from_keras_model(model).convert()
    assert len(operators(content)) == len(operators(single))
    softmax, logistic = 25, 14  # tensorflow/lite/schema/schema.fbs
    assert [code for code in operators(content) if code in (softmax, logistic)] == [softmax]
    assert [code for code in operators(single) if code in (softmax, logistic)] == [logistic]


# Keras 3.15 saves through an __array__ that numpy 2 warns of.
@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
@pytest.mark.parametrize(("mean", "std"), [(127.5, 127.5), (foreign.MEAN, foreign.STD)])
def test_keras_is_asked_about_scaled_images(mean: Channels, std: Channels, tmp_path: Path) -> None:
    """A model without a scaling layer: what it answers is no reference where it was fed 0..255."""
    import keras

    keras.utils.set_random_seed(1)
    layers = keras.layers
    model = keras.Sequential(
        [
            layers.Input((16, 16, 3)),
            layers.Conv2D(4, 3, strides=2, activation="relu"),
            layers.Flatten(),
            layers.Dense(3, activation="softmax"),
        ]
    )
    model.save(tmp_path / "model.keras")
    with warm.converting():
        _, scores = convert.convert(tmp_path / "model.keras", IMAGES, mean, std)
    scaled = (IMAGES.astype(np.float32) - np.asarray(mean, np.float32)) / np.asarray(std, np.float32)
    np.testing.assert_allclose(scores, model.predict_on_batch(scaled), atol=1e-6)
    assert np.abs(scores - model.predict_on_batch(IMAGES.astype(np.float32))).max() > 0.1


def test_the_same_bytes_from_a_fork_and_a_fresh_process(
    trained: Trained, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where the user's Keras is set to another backend, and from another folder."""
    with warm.converting():
        first, scores = convert.convert(trained.run / "model.keras", IMAGES)
    with monkeypatch.context() as there:  # left again before this process imports Keras, which reads it once
        there.setenv("KERAS_BACKEND", "jax")
        there.setenv("PYTHONHASHSEED", "3")
        there.chdir(tmp_path)
        second, _ = convert.convert(trained.run / "model.keras", IMAGES[:1])
    assert first == second
    import keras

    model = keras.models.load_model(trained.run / "model.keras")
    np.testing.assert_allclose(scores, model.predict_on_batch(IMAGES.astype(np.float32)), atol=1e-6)
    np.testing.assert_allclose(scores, answers(first), atol=1e-5)


def test_a_single_image_needs_no_operators_that_compute_shapes(trained: Trained) -> None:
    """Anyone's network is converted so; the answers are the same."""
    with warm.converting():
        content = convert.to_tflite(trained.run / "model.keras")
        _, scores = convert.convert(trained.run / "model.keras", IMAGES)
    shape, strided_slice, pack = 77, 45, 83  # tensorflow/lite/schema/schema.fbs
    assert not {shape, strided_slice, pack} & set(operators(content))
    np.testing.assert_allclose(answers(content), scores, atol=1e-5)
