"""Which layer int8 hurts: named as in Keras, ranked, and the one that was hurt on purpose comes first."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from export.checks import compare, layers
from export.conversion import quantize
from tests import foreign
from tests.conftest import MODELS, model
from tests.export import planting


def inputs(count: int, seed: int) -> list[layers.Tensor]:
    return [image.astype(np.float32)[None] for image in foreign.images(count, seed)]


@pytest.fixture(scope="module")
def int8() -> bytes:
    return quantize.make("int8", foreign.bare(), inputs(40, 1), 0, 255)


def test_every_layer_is_measured_the_noisiest_first(int8: bytes) -> None:
    found = layers.errors(foreign.bare(), int8, inputs(8, 1))
    assert sorted((row.layer, row.operator) for row in found) == [
        ("conv2d_1", "CONV_2D"),
        ("conv2d_1_2", "CONV_2D"),
        ("conv2d_2_1", "CONV_2D"),
        ("flatten_1", "RESHAPE"),
        ("scores_1", "FULLY_CONNECTED"),
        ("scores_1", "SOFTMAX"),
    ]
    signals = [row.signal for row in found]
    assert signals == sorted(signals)
    assert all(25 < signal < 60 for signal in signals)


def test_a_layer_of_a_wrong_scale_is_where_the_noise_begins(int8: bytes) -> None:
    broken = planting.planted(int8, planting.scaled("middle", 2))
    before, after = ({row.layer: row for row in layers.errors(foreign.bare(), f, inputs(8, 1))} for f in (int8, broken))
    assert after["conv2d_1_2"] == before["conv2d_1_2"], "it lies before the fault"
    assert after["conv2d_2_1"].signal < 5 < 25 < before["conv2d_2_1"].signal


def test_the_figures_are_those_of_numpy(int8: bytes) -> None:
    """The scores, of the last layer, by interpreters of our own."""
    from tests.export.test_quantize import answers

    shown = inputs(8, 3)
    ours, theirs = answers(int8, list(shown)), answers(foreign.bare(), list(shown))
    (found,) = (row for row in layers.errors(foreign.bare(), int8, shown) if row.operator == "SOFTMAX")
    noise = float(np.square(ours - theirs).mean())
    assert found.mse == pytest.approx(noise, rel=0.02)
    assert found.signal == pytest.approx(10 * np.log10(np.square(theirs).mean() / noise), abs=0.1)


def test_a_file_against_itself_has_no_noise() -> None:
    found = layers.errors(foreign.bare(), foreign.bare(), inputs(2, 1))
    assert {(row.mse, row.signal) for row in found} == {(0.0, compare.NO_NOISE)}


@pytest.mark.parametrize(
    ("tensor", "names", "layer"),
    [
        ("m_1/re_lu_1/Relu;m_1/bn_1/add_1;m_1/conv2d_1/convolution;m_1/bn_1/sub1", ("conv2d", "re_lu"), "conv2d"),
        ("m_1/re_lu_1_2/Relu;m_1/conv2d_1_2/convolution", ("conv2d", "conv2d_1"), "conv2d_1"),
        ("m_1/luminance_1/convolution2", ("luminance",), "luminance"),
        ("transfer_1/mobilenetv2_1.00_224_1/block_1_add_1/Add", ("block_1_add", "mobilenetv2_1.00_224"), "block_1_add"),
        ("m/conv2d_1/Conv2D", (), "conv2d_1"),
        ("m_1/dense_1/MatMul;m_1/dense_1/BiasAdd", (), "dense_1"),
        ("StatefulPartitionedCall_1:0", ("conv2d",), None),
    ],
)
def test_the_name_of_a_layer(tensor: str, names: tuple[str, ...], layer: str | None) -> None:
    assert layers.layer_name(tensor, names) == layer


@pytest.mark.parametrize(
    ("tensors", "is_numbered", "expected"),
    [
        (("m_1/conv2d_1/convolution", "m_1/re_lu_1/Relu;m_1/conv2d_1_2/convolution"), True, ["conv2d", "conv2d_1"]),
        (("m/conv2d/Conv2D", "m/re_lu/Relu;m/conv2d_1/Conv2D"), False, ["conv2d", "conv2d_1"]),
    ],
)
def test_whether_the_converter_numbers_layers(tensors: tuple[str, ...], is_numbered: bool, expected: list[str]) -> None:
    """Keras 3's, and those of tf-keras."""
    names = ("m", "conv2d", "conv2d_1", "re_lu")
    assert layers.are_numbered(tensors, names) == is_numbered
    assert [layers.layer_name(tensor, names, is_numbered) for tensor in tensors] == expected


def test_the_layers_of_an_h5_file(tmp_path: Path) -> None:
    """Also of the models inside; of weights or a .tflite there are none."""
    found = layers.keras_names(MODELS / "keras_2/teachable_machine/keras_model.h5")
    assert {"sequential_1", "Conv1", "dense_Dense2"} <= found
    assert not layers.keras_names(model("int8")) and not layers.keras_names(tmp_path)


def test_the_chart(int8: bytes, tmp_path: Path) -> None:
    found = layers.errors(foreign.bare(), int8, inputs(4, 1))
    for name in ("first.png", "second.png"):
        layers.draw("int8", found, tmp_path / name)
    image = cv2.imread(str(tmp_path / "first.png"))
    assert image is not None and image.shape[1] > 600
    assert len(np.unique(image.reshape(-1, 3), axis=0)) > 10
    assert (tmp_path / "first.png").read_bytes() == (tmp_path / "second.png").read_bytes()
