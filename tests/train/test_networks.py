"""The networks: the tutorial's is the source material's layer by layer, scaling and gray are inside."""

from pathlib import Path
from typing import Any, get_args

import cv2
import numpy as np
import pytest

from train.recipes.catalog import RECIPES
from train.recipes.network import Architecture
from train.recipes.recipe import Recipe
from train.recipes.settings import replaced

pytestmark = pytest.mark.tensorflow


def described(layer: Any) -> tuple[Any, ...]:
    """A layer as the source material writes it down."""
    kind = type(layer).__name__
    if kind == "Conv2D":
        return kind, layer.filters, layer.kernel_size, layer.strides, layer.padding, layer.activation.__name__
    if kind == "Dense":
        return kind, layer.units, layer.activation.__name__
    if kind == "MaxPooling2D":
        return kind, layer.pool_size
    return (kind,)


def test_the_tutorial_s_network_is_the_source_material_s() -> None:
    from train.networks import networks

    model = networks.build(RECIPES["cifar10_tutorial"], 10)
    pixels, scale, *layers = model.layers
    assert pixels.batch_shape == (None, 32, 32, 3)
    assert (scale.scale, scale.offset) == (1 / 255, 0)
    assert [described(layer) for layer in layers] == [
        ("Conv2D", 64, (3, 3), (1, 1), "valid", "relu"),
        ("MaxPooling2D", (2, 2)),
        ("Conv2D", 32, (3, 3), (1, 1), "valid", "relu"),
        ("Flatten",),
        ("Dense", 80, "relu"),
        ("Dense", 10, "softmax"),
    ]
    # Sides: 32 -> 30 -> 15 -> 13. Weights and biases of each layer:
    by_hand = (3 * 3 * 3 * 64 + 64) + (3 * 3 * 64 * 32 + 32) + (13 * 13 * 32 * 80 + 80) + (80 * 10 + 10)
    assert model.count_params() == by_hand


def test_the_tutorial_is_compiled_as_there() -> None:
    import keras

    from train.fitting import fit

    model = fit.compiled(RECIPES["cifar10_tutorial"], 10, steps=1094)
    assert isinstance(model.optimizer, keras.optimizers.Adam)
    assert float(model.optimizer.learning_rate) == pytest.approx(1e-3)
    assert isinstance(model.loss, keras.losses.SparseCategoricalCrossentropy)


@pytest.mark.parametrize("network", ["residual", "resnet8", "tiny", "cifar10_tutorial"])
@pytest.mark.parametrize(("size", "labels"), [((28, 28), 10), ((20, 33), 2)])
def test_every_network_answers_with_probabilities(network: str, size: tuple[int, int], labels: int) -> None:
    from train.networks import networks

    recipe = replaced(RECIPES["fashion_mnist"], network=network, image_size=size)
    model = networks.build(recipe, labels)
    images = np.random.default_rng(1).integers(0, 256, (3, *size, 3), np.uint8)
    scores = model.predict_on_batch(images)
    assert scores.shape == (3, labels)
    np.testing.assert_allclose(scores.sum(axis=1), 1, atol=1e-5)
    assert (scores >= 0).all()


def test_every_network_of_the_list_is_there() -> None:
    from train.networks import networks

    assert {*networks.NETWORKS, "backbone"} == set(get_args(Architecture))


def test_the_luminance_layer_is_opencv_s_gray() -> None:
    import keras

    from train.networks import networks

    model = networks.build(replaced(RECIPES["fashion_mnist"], grayscale=True), 10)
    layer = model.get_layer("luminance")
    assert not layer.trainable
    assert not layer.use_bias
    inner = keras.Model(model.inputs, layer.output)
    image = np.random.default_rng(1).integers(0, 256, (28, 28, 3), np.uint8)
    gray = inner.predict_on_batch(image[None])[0, ..., 0]
    np.testing.assert_allclose(gray, cv2.cvtColor(image, cv2.COLOR_RGB2GRAY) / 255, atol=1e-2)
    # BGR would be far off: the test can tell them apart.
    assert np.abs(gray - cv2.cvtColor(image, cv2.COLOR_BGR2GRAY) / 255).max() > 0.1


def recipe(**changes: Any) -> Recipe:
    return replaced(RECIPES["fashion_mnist"], **changes)


def test_the_rate_rises_to_its_peak_and_falls() -> None:
    from train.optimizers import optimizers

    rate = optimizers.warmup_cosine(0.01, 140, 1 / 7)
    rates = [float(rate(step)) for step in range(141)]
    peak = int(np.argmax(rates))
    assert rates[peak] == pytest.approx(0.01)
    assert peak == 20
    assert rates[0] == pytest.approx(0.01 / 20)
    assert rates[:21] == sorted(rates[:21])
    assert rates[20:] == sorted(rates[20:], reverse=True)
    assert rates[140] < 0.01 / 100


def test_the_recipe_decides_optimizer_loss_and_rate() -> None:
    import keras

    from train.fitting import fit

    decayed = fit.compiled(recipe(weight_decay=0.3, schedule="constant", learning_rate=0.02), 10, steps=5)
    assert isinstance(decayed.optimizer, keras.optimizers.AdamW)
    assert decayed.optimizer.weight_decay == 0.3
    assert float(decayed.optimizer.learning_rate) == pytest.approx(0.02)
    smoothed = fit.compiled(recipe(label_smoothing=0.1), 10, steps=5)
    # Of a certain and right answer, 0.1 of the target lies elsewhere.
    answer = np.array([[0.91] + [0.01] * 9], np.float32)
    expected = -(0.91 * np.log(0.91) + 0.09 * np.log(0.01))
    assert float(smoothed.loss(np.eye(10)[:1], answer)) == pytest.approx(expected, rel=1e-5)


@pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy:DeprecationWarning")  # Keras' own
def test_the_flip_averaged_network_answers_for_both_sides(tmp_path: Path) -> None:
    """Its mean survives being saved, and it holds the weights once."""
    from train.networks import networks

    network = networks.build(recipe(image_size=(20, 33)), 3)
    last = network.layers[-1]  # as Keras begins, an image and its mirror image score nearly alike
    last.set_weights([50 * weight for weight in last.get_weights()])
    images = np.random.default_rng(1).integers(0, 256, (3, 20, 33, 3), np.uint8)
    there, back = network.predict_on_batch(images), network.predict_on_batch(images[:, :, ::-1])
    assert np.abs(there - back).max() > 0.001
    networks.flip_averaged(network).save(tmp_path / "both.keras")
    both = networks.load(tmp_path / "both.keras")
    np.testing.assert_allclose(both.predict_on_batch(images), (there + back) / 2, atol=1e-5)
    assert both.count_params() == network.count_params()
    for saved, weight in zip(networks.trained_part(both).get_weights(), network.get_weights(), strict=True):
        np.testing.assert_array_equal(saved, weight)
    assert networks.trained_part(network) is network


def test_a_mean_of_networks_is_not_taken_for_a_flip_averaged_one() -> None:
    import keras

    from train.networks import networks

    pixels = keras.layers.Input((20, 33, 3))
    one, two = (
        networks.build(recipe(image_size=(20, 33), name="one"), 3),
        networks.build(recipe(image_size=(20, 33)), 3),
    )
    several = keras.Model(pixels, keras.layers.Average()([one(pixels), two(pixels)]))
    layers_alone = keras.Model(pixels, keras.layers.Average()([pixels, keras.layers.Rescaling(2.0)(pixels)]))
    assert networks.trained_part(several) is several and networks.trained_part(layers_alone) is layers_alone
