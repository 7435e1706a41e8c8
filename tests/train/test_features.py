"""Features made by hand, against drawings whose brightness, height and edges are known."""

import numpy as np
import numpy.typing as npt
import pytest
from sklearn.linear_model import LogisticRegression

from tests import drawing

# Until the lock holds scikit-image.
from train.classical import features

SIZE = (32, 40)

Pixels = npt.NDArray[np.uint8]


def gray(value: int, size: tuple[int, int] = SIZE) -> Pixels:
    return np.full((*size, 3), value, np.uint8)


def rectangle(background: int, value: int, top: int, height: int) -> Pixels:
    image = gray(background)
    image[top : top + height, 15:25] = value
    return image


@pytest.mark.parametrize("value", [0, 51, 128, 255])
def test_brightness_of_one_gray(value: int) -> None:
    assert features.brightness(gray(value)) == pytest.approx(value / 255)


def test_brightness_weighs_the_colors_as_the_standard_says() -> None:
    for channel, weight in enumerate((0.299, 0.587, 0.114)):  # ITU-R BT.601
        image = gray(0)
        image[:16, :, channel] = 255  # the upper half
        assert features.brightness(image) == pytest.approx(weight / 2, abs=0.002)


@pytest.mark.parametrize(("background", "value"), [(20, 200), (200, 20)])
@pytest.mark.parametrize(("top", "height"), [(8, 16), (4, 10), (0, 32), (31, 1)])
def test_object_height_of_a_rectangle_bright_or_dark(background: int, value: int, top: int, height: int) -> None:
    assert features.object_height(rectangle(background, value, top, height)) == height / 32


def test_the_largest_blob_counts_not_the_tallest() -> None:
    image = gray(20)
    image[10:20, 5:20] = 200
    image[1:30, 30] = 200  # taller, but a line
    assert features.object_height(image) == 10 / 32
    assert features.largest_blob(image).sum() == 150


def test_pieces_that_touch_at_a_corner_are_one() -> None:
    image = gray(20)
    image[4:10, 10:16] = image[10:16, 16:22] = 200
    assert features.object_height(image) == 12 / 32


def test_an_image_of_one_color_has_no_object() -> None:
    for value in (0, 128, 255):
        assert features.object_height(gray(value)) == 0
        assert features.largest_blob(gray(value)).sum() == 0


def stripes(across: bool, random: np.random.Generator, size: tuple[int, int] = SIZE) -> Pixels:
    """Black and white stripes of four pixels that run across or down, shifted by lot, with noise."""
    wave = (np.indices(size)[0 if across else 1] + random.integers(8)) // 4 % 2 * 160 + 40
    return np.clip(wave[..., None] + random.integers(-30, 31, (*size, 3)), 0, 255).astype(np.uint8)


@pytest.mark.parametrize(("across", "bin_of_edges"), [(False, 0), (True, 4)])
def test_gradients_point_across_the_stripes(across: bool, bin_of_edges: int) -> None:
    """Nine bins of 20 degrees, the first at 0: brightness that changes from left to right."""
    histograms = features.gradients(stripes(across, np.random.default_rng(1))).reshape(-1, 9)
    assert histograms.mean(axis=0).argmax() == bin_of_edges


def test_gradients_tell_stripes_apart_that_brightness_and_height_do_not() -> None:
    random = np.random.default_rng(1)
    targets = np.arange(80) % 2
    numbers = features.measure([stripes(bool(target), random) for target in targets])
    plane, gradients = (
        LogisticRegression().fit(part[:40], targets[:40]).score(part[40:], targets[40:])
        for part in (numbers[:, :1], numbers[:, 2:])
    )
    assert gradients == 1
    assert plane < 0.8


@pytest.mark.parametrize("size", [(16, 16), (17, 31), (40, 24), (128, 128)])
def test_gradients_are_1764_numbers_at_every_size(size: tuple[int, int]) -> None:
    made = features.gradients(stripes(True, np.random.default_rng(1), size))
    assert made.shape == (1764,)
    assert made.dtype == np.float32
    assert 0 <= made.min() < made.max() <= 1
    assert features.gradients_drawn(gray(0, size)).max() == 0


def test_what_is_measured_stands_in_order() -> None:
    images = [image for _, image in drawing.shapes(9, seed=1, size=SIZE)]
    numbers = features.measure(images)
    for image, row in zip(images, numbers, strict=True):
        assert row[0] == np.float32(features.brightness(image))
        assert row[1] == np.float32(features.object_height(image))
        np.testing.assert_array_equal(row[2:], features.gradients(image))
