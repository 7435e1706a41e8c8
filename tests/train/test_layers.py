"""`train preview --layers`: shapes, parameters and multiply-accumulates of every layer, and its feature maps."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from tests import drawing
from tests.conftest import Run, shared
from tests.device.refusals import says
from tests.trained import Trained
from train.recipes.catalog import RECIPES
from train.recipes.settings import replaced

pytestmark = pytest.mark.tensorflow

Preview = Callable[..., tuple[str, str]]


@pytest.fixture
def preview(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Preview:
    """`train preview WORDS…` in this process, where TensorFlow is loaded already -> (stdout, stderr)."""

    def run(*words: object) -> tuple[str, str]:
        from train import __main__ as commands

        monkeypatch.chdir(tmp_path)
        asked = commands.parse(["preview", *map(str, words)])
        assert asked.run_command(asked) == 0
        return capsys.readouterr()

    return run


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    path = tmp_path / "photo.png"
    cv2.imwrite(str(path), drawing.shape("square", np.random.default_rng(1), (60, 90)))
    return path


def black(*size: int) -> Any:
    return np.zeros((*size, 3), np.uint8)


def counts(model: Any, *size: int) -> dict[str, tuple[tuple[int, ...], int, int]]:
    from train.preview import layers

    rows, _ = layers.inspect(model, black(*size))
    return {row.layer: (row.output_shape, row.parameters, row.multiply_accumulates) for row in rows}


def total(model: Any, *size: int) -> tuple[int, int]:
    from train.preview import layers

    found = layers.document(layers.inspect(model, black(*size))[0], "any", None)["total"]
    return found["parameters"], found["multiply_accumulates"]


# Counted by hand.


def test_every_kind_is_counted_as_by_hand() -> None:
    from keras import Sequential, layers

    model = Sequential(
        [
            layers.Input((9, 11, 3), name="pixels"),
            layers.Conv2D(8, (3, 5), strides=2, name="conv"),
            layers.DepthwiseConv2D(3, padding="same", depth_multiplier=2, use_bias=False, name="depthwise"),
            layers.SeparableConv2D(5, 3, padding="same", name="separable"),
            layers.Conv2D(10, 1, groups=5, name="grouped"),
            layers.BatchNormalization(name="norm"),
            layers.MaxPooling2D(2, name="pool"),
            layers.Dense(7, name="everywhere"),
            layers.Flatten(name="flat"),
            layers.Dense(4, activation="softmax", name="scores"),
        ]
    )
    assert counts(model, 9, 11) == {
        "pixels": ((9, 11, 3), 0, 0),
        # Side (9 - 3) / 2 + 1 = 4 by (11 - 5) / 2 + 1 = 4; each of 8 values sums over 3 x 5 x 3.
        "conv": ((4, 4, 8), 3 * 5 * 3 * 8 + 8, 4 * 4 * 8 * (3 * 5 * 3)),
        "depthwise": ((4, 4, 16), 3 * 3 * 16, 4 * 4 * 16 * (3 * 3)),
        # A sum over 3 x 3 for each of 16 channels, then over those 16 for each of 5.
        "separable": ((4, 4, 5), 3 * 3 * 16 + 16 * 5 + 5, 4 * 4 * 16 * (3 * 3) + 4 * 4 * 5 * 16),
        # Five groups of one channel in and two out.
        "grouped": ((4, 4, 10), 1 * 10 + 10, 4 * 4 * 10 * 1),
        "norm": ((4, 4, 10), 4 * 10, 0),
        "pool": ((2, 2, 10), 0, 0),
        "everywhere": ((2, 2, 7), 10 * 7 + 7, 2 * 2 * 7 * 10),
        "flat": ((28,), 0, 0),
        "scores": ((4,), 28 * 4 + 4, 28 * 4),
    }


def test_a_model_in_a_model_is_walked_at_the_size_it_is_used_at() -> None:
    import keras
    from keras import layers

    inside = keras.Sequential([layers.Input((None, None, 4)), layers.Conv2D(4, 3, padding="same", name="deep")])
    pixels = layers.Input((None, None, 3), name="any")
    x = layers.Conv2D(4, 1, strides=2, name="conv")(pixels)
    backbone = keras.Model(pixels, keras.Sequential([inside], name="block")(x), name="backbone")
    given = layers.Input((10, 6, 3), name="pixels")
    twice = layers.Dense(4, name="twice")
    y = twice(twice(backbone(layers.Rescaling(1 / 255, name="scale")(given), training=False)))
    model = keras.Model(given, y + 1)
    inner = f"backbone/block/{inside.name}/deep"
    found = counts(model, 10, 6)
    assert found["backbone/conv"] == ((5, 3, 4), 3 * 4 + 4, 5 * 3 * 3 * 4)
    assert found[inner] == ((5, 3, 4), 9 * 4 * 4 + 4, 5 * 3 * 9 * 4 * 4)
    # A layer that is called twice costs twice, and has its weights once.
    assert total(model, 10, 6) == (model.count_params(), 5 * 3 * (12 + 144 + 16 + 16))


# Published.


def test_resnet8_has_what_is_published() -> None:
    """MLPerf Tiny: 12.5 M multiply-accumulates, 78,666 parameters; ours has no bias before BatchNormalization."""
    from train.preview import layers

    model = layers.fresh(replaced(RECIPES["cifar10"], network="resnet8"), 10)
    parameters, multiply_accumulates = total(model, 32, 32)
    assert multiply_accumulates == 12_501_632
    assert parameters + (3 * 16 + 2 * 32 + 2 * 64) == 78_666


def test_the_published_file_of_resnet8_has_the_same() -> None:
    from train.networks import networks

    model = networks.load(shared("models/pretrainedResnet.h5"))
    assert total(model, 32, 32) == (78_666, 12_501_632)


@pytest.mark.parametrize(
    ("name", "millions", "parameters"), [("MobileNet", 569, 4_253_864), ("MobileNetV2", 301, 3_538_984)]
)
def test_mobilenets_have_what_is_published(name: str, millions: int, parameters: int) -> None:
    """569 M and 300 M (https://arxiv.org/abs/1704.04861 and 1801.04381); parameters as Keras says."""
    import keras

    found, multiply_accumulates = total(getattr(keras.applications, name)(weights=None), 224, 224)
    assert (found, round(multiply_accumulates / 1e6)) == (parameters, millions)


# Keras as the oracle.


@pytest.mark.parametrize("network", ["residual", "resnet8", "tiny", "cifar10_tutorial"])
def test_shapes_and_parameters_are_keras_own(network: str) -> None:
    from train.preview import layers

    model = layers.fresh(replaced(RECIPES["fashion_mnist"], network=network, image_size=(28, 40)), 3)
    expected = {layer.name: (tuple(layer.output.shape[1:]), layer.count_params()) for layer in model.layers}
    assert {name: row[:2] for name, row in counts(model, 28, 40).items()} == expected


def test_feature_maps_are_what_the_layers_answer() -> None:
    import keras

    from train.preview import layers

    model = layers.fresh(RECIPES["fashion_mnist"], 10)
    image = drawing.shape("circle", np.random.default_rng(1), (28, 28))
    _, maps = layers.inspect(model, image)
    assert [found.row.kind for found in maps] == ["Conv2D"] * 6 + ["GlobalAveragePooling2D"]
    for found in maps:
        inner = keras.Model(model.inputs, model.get_layer(found.row.layer).output)
        expected = inner.predict_on_batch(image[None].astype(np.float32))[0]
        shown = expected if expected.ndim == 1 else expected[..., :16]
        np.testing.assert_allclose(found.values, shown, rtol=1e-4, atol=1e-4)
    assert maps[0].caption == "luminance (Conv2D): 28x28x1"
    assert maps[1].caption == "conv2d (Conv2D): 14x14x32, its first 16 channels".replace("conv2d", maps[1].row.layer)


# The command.


def test_table_and_maps_through_the_command_line(warm: Run, photo: Path, tmp_path: Path) -> None:
    words = ("cifar10_tutorial", "photo.png", "--layers", "--labels", 10)
    done = warm("train", "preview", *words)
    assert done.returncode == 0, done.stderr
    header, _, *rows, last, path = done.stdout.splitlines()
    assert header.split() == ["layer", "kind", "output", "parameters", "multiply-accumulates"]
    assert [row.split() for row in rows[2:4]] == [
        ["conv2d", "Conv2D", "30x30x64", "1,792", "1,555,200"],
        ["max_pooling2d", "MaxPooling2D", "15x15x64", "0", "0"],
    ]
    # Keras names its own layers by number: the first model of a process has none.
    assert last.split() == ["total", "453,786", "5,103,648"]
    assert path == "layers.png"
    assert cv2.imread(str(tmp_path / path)) is not None
    says(done.stderr, "a new network", "seed 1")
    done = warm("train", "preview", *words, "--json", "-", "--output", "maps.png")
    document = json.loads(done.stdout)
    assert document["total"] == {"parameters": 453_786, "multiply_accumulates": 5_103_648}
    assert document["results"][2] == {
        "layer": "conv2d",
        "kind": "Conv2D",
        "output_shape": [30, 30, 64],
        "parameters": 1792,
        "multiply_accumulates": 1_555_200,
    }
    assert done.stderr.splitlines()[-1] == "maps.png"
    assert (tmp_path / "maps.png").read_bytes() == (tmp_path / "layers.png").read_bytes(), "the seed decides"


def test_without_data_and_image_the_table_alone(preview: Preview, tmp_path: Path) -> None:
    out, err = preview("cifar10", "--layers", "--labels", 7, "--json", "table.json")
    assert "total" in out
    assert err.splitlines()[-1] == "neither IMAGE nor data: only the table, no feature maps"
    assert {path.name for path in tmp_path.iterdir()} - {"keras"} == {"table.json"}  # keras: Keras' own settings
    assert json.loads((tmp_path / "table.json").read_text())["results"][-1]["output_shape"] == [7]


def test_labels_and_image_come_from_the_data(preview: Preview, shapes_folder: Path, tmp_path: Path) -> None:
    out, _ = preview("cifar10", "--layers", "--data", shapes_folder, "--set", "network=tiny", "--output", "a.png")
    assert out.splitlines()[-3].split()[:3] == ["scores", "Dense", "3"]
    assert cv2.imread(str(tmp_path / "a.png")) is not None


def test_a_finished_run_is_shown_trained(preview: Preview, trained: Trained, photo: Path, tmp_path: Path) -> None:
    _, err = preview("fashion_mnist", photo, "--layers", "--run", trained.run)
    says(err, "trained", trained.run / "model.keras")
    by_run = (tmp_path / "layers.png").read_bytes()
    shutil.copytree(trained.run, tmp_path / "runs/fashion_mnist")
    out, err = preview("fashion_mnist", "--layers")
    says(err, "trained", " runs/fashion_mnist/model.keras")
    assert "16x16x3" in out, "the size that it was trained at"
    _, err = preview(
        "fashion_mnist", photo, "--layers", "--labels", 3, "--set", "image_size=16x16", "--set", "network=tiny"
    )
    assert "a new network" in err
    assert (tmp_path / "layers.png").read_bytes() != by_run


def test_a_run_with_other_settings_is_not_taken_for_it(
    preview: Preview, trained: Trained, photo: Path, tmp_path: Path
) -> None:
    from device.errors import UserError

    shutil.copytree(trained.run, tmp_path / "runs/fashion_mnist")
    words = (photo, "--layers", "--data", trained.data, "--set", "image_size=20x20")
    out, err = preview("fashion_mnist", *words)
    assert "20x20x3" in out
    note, fresh = err.splitlines()
    says(note, "note: runs/fashion_mnist: ", "image_size", "[16, 16]", "[20, 20]")
    assert "a new network" in fresh
    with pytest.raises(UserError, match="image_size"):
        preview("fashion_mnist", *words, "--run", "runs/fashion_mnist")
    with pytest.raises(UserError, match=r"fashion_mnist.* cifar10"):
        preview("cifar10", photo, "--layers", "--run", "runs/fashion_mnist")


def test_a_damaged_model_is_refused(warm: Run, trained: Trained, photo: Path, tmp_path: Path) -> None:
    shutil.copytree(trained.run, tmp_path / "run")
    (tmp_path / "run/model.keras").write_bytes(b"PK damaged")
    done = warm("train", "preview", "fashion_mnist", photo, "--layers", "--run", "run", "--json", "table.json")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.splitlines()[-1].startswith("error: run/model.keras: ")
    assert not (tmp_path / "layers.png").exists()
    assert not (tmp_path / "table.json").exists()


def test_an_image_too_small_for_the_network_is_refused(warm: Run, tmp_path: Path) -> None:
    words = ("cifar10_tutorial", "--layers", "--labels", 10, "--set", "image_size=3x3")
    done = warm("train", "preview", *words)
    assert (done.returncode, done.stdout) == (2, "")
    last = done.stderr.splitlines()[-1]
    says(last, "error: cifar10_tutorial: ", "3x3")
    assert "\x1b" not in last
