"""Pixels are scaled as each backbone was trained on them: keras.applications' ways, and EfficientNet-Lite's."""

import numpy as np
import pytest

pytestmark = [pytest.mark.tensorflow, pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")]


@pytest.mark.parametrize("scaling", ["tf", "torch", "caffe", "inside"])
def test_pixels_are_scaled_as_keras_does(scaling: str) -> None:
    import keras
    from keras.src.applications.imagenet_utils import preprocess_input

    from train.networks import transfer

    pixels = keras.layers.Input((5, 7, 3))
    model = keras.Model(pixels, keras.layers.Identity()(transfer.scaled(pixels, scaling)))
    images = np.random.default_rng(1).integers(0, 256, (2, 5, 7, 3)).astype(np.float32)
    expected = images if scaling == "inside" else preprocess_input(images.copy(), mode=scaling)
    np.testing.assert_allclose(model.predict_on_batch(images), expected, atol=1e-4)


def test_the_list_says_how_each_is_scaled() -> None:
    """Against keras.applications itself: which of its preprocess_input functions change the pixels, and how."""
    import keras

    from train.backbones.backbones import BACKBONES

    modules = {
        "Xception": "xception", "VGG16": "vgg16", "VGG19": "vgg19", "InceptionV3": "inception_v3",
        "InceptionResNetV2": "inception_resnet_v2", "MobileNet": "mobilenet", "MobileNetV2": "mobilenet_v2",
        "DenseNet121": "densenet", "NASNetMobile": "nasnet", "EfficientNetB0": "efficientnet",
    }  # fmt: skip
    pixel = np.array([[[[10.0, 100.0, 250.0]]]], np.float32)
    for backbone in BACKBONES.values():
        if backbone.lite:
            continue
        name = backbone.name
        module = modules.get(name) or (
            "resnet_v2" if name.endswith("V2") and name.startswith("ResNet") else
            "resnet" if name.startswith("ResNet") else
            "mobilenet_v3" if name.startswith("MobileNetV3") else "efficientnet_v2"
        )  # fmt: skip
        theirs = getattr(keras.applications, module).preprocess_input(pixel.copy())
        if backbone.scaling == "inside":
            expected = pixel
        else:
            expected = keras.applications.imagenet_utils.preprocess_input(pixel.copy(), mode=backbone.scaling)
        np.testing.assert_allclose(theirs, expected, err_msg=name)
        assert hasattr(keras.applications, name)


def test_efficientnet_lite_s_pixels() -> None:
    """(x - 127) / 128: MEAN_RGB and STDDEV_RGB of its authors' efficientnet_lite_builder.py."""
    import keras

    from train.backbones.backbones import BACKBONES
    from train.networks import transfer

    pixels = keras.layers.Input((1, 3, 3))
    assert {backbone.scaling for backbone in BACKBONES.values() if backbone.lite} == {"lite"}
    model = keras.Model(pixels, transfer.scaled(pixels, "lite"))
    given = np.array([[[[0, 127, 255], [1, 2, 3], [128, 200, 64]]]], np.float32)
    np.testing.assert_allclose(model.predict_on_batch(given), (given - 127) / 128, atol=1e-6)
