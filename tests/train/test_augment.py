"""Augmentation: what Keras' ImageDataGenerator makes with the same numbers, and ranges that are kept."""

from dataclasses import replace
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image, ImageEnhance
from scipy.ndimage import affine_transform

from train.data.augment import Augmenter, mirror
from train.recipes.augmentation import NONE, Augmentation
from train.recipes.catalog import RECIPES

CHAPTER = Augmentation(
    rotation_range=90,
    width_shift_range=0.2,
    height_shift_range=0.2,
    zoom_range=(0.8, 1.2),
    brightness_range=(0.8, 1.0),
)


def scene(size: tuple[int, int] = (40, 56)) -> npt.NDArray[np.uint8]:
    """A smooth image in which no two places look alike."""
    random = np.random.default_rng(1)
    small = random.integers(0, 256, (7, 9, 3), np.uint8)
    return np.asarray(cv2.GaussianBlur(np.kron(small, np.ones((8, 8, 1), np.uint8)), (0, 0), 4)[: size[0], : size[1]])


def by_scipy(image: npt.NDArray[np.uint8], matrix: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """The warp by another library, bilinear, in rows and columns: what Keras' legacy generator calls."""
    swap = np.array([[0, 1, 0], [1, 0, 0], [0, 0, 1]])
    rows = swap @ matrix @ swap
    channels = [
        affine_transform(image[..., c].astype(float), rows[:2, :2], rows[:2, 2], order=1, mode="nearest")
        for c in range(3)
    ]
    return np.stack(channels, axis=-1)


@pytest.mark.parametrize(
    "ranges",
    [
        {"rotation_range": 40.0},
        {"shear_range": 30.0},
        {"zoom_range": (0.6, 1.5)},
        {"width_shift_range": 0.3, "rotation_range": 1e-9},
        {"rotation_range": 30.0, "shear_range": 20.0, "zoom_range": (0.7, 1.3), "width_shift_range": 0.1},
    ],
)
def test_the_warp_is_that_of_its_matrix(ranges: dict[str, Any]) -> None:
    augmentation = Augmentation(**ranges)
    images = np.repeat(scene()[None], 20, axis=0)
    warped = Augmenter(augmentation).augment(images, np.random.default_rng(5))
    random = np.random.default_rng(5)
    random.random(20)  # who is mirrored
    for image, matrix in zip(warped, Augmenter(augmentation).matrices(20, (40, 56), random), strict=True):
        difference = np.abs(image - by_scipy(scene(), matrix))
        assert difference.mean() < 0.7 and difference.max() < 9, "OpenCV counts positions in 1/32 pixel"
    assert len({image.tobytes() for image in warped}) == 20


@pytest.mark.tensorflow
@pytest.mark.filterwarnings("ignore:.*scipy.ndimage:DeprecationWarning")  # in Keras' own function
@pytest.mark.parametrize(
    "ranges",
    [{"rotation_range": 60.0}, {"shear_range": 30.0}, {"zoom_range": (0.5, 2.0)}, {"width_shift_range": 0.3}],
)
def test_the_meanings_are_keras_s(ranges: dict[str, Any]) -> None:
    """Drawn from the same range, the same change: compared with Keras' own function at the drawn number."""
    from keras.src.legacy.preprocessing.image import apply_affine_transform

    size = (48, 48)
    image = scene(size)
    # The tiny rotation keeps shifts from being rounded to whole pixels.
    augmentation = Augmentation(**{"rotation_range": 1e-9, **ranges})
    matrices = Augmenter(augmentation).matrices(8, size, np.random.default_rng(2))
    random = np.random.default_rng(2)
    turns = random.uniform(-augmentation.rotation_range, augmentation.rotation_range, 8)
    shears = random.uniform(-augmentation.shear_range, augmentation.shear_range, 8)
    shifts = random.uniform(-augmentation.width_shift_range, augmentation.width_shift_range, 8) * 48
    random.uniform(0, 0, 8)
    zooms = random.uniform(*augmentation.zoom_range, (2, 8))
    for i, matrix in enumerate(matrices):
        keras = apply_affine_transform(
            image.astype(np.float32), turns[i], shifts[i], 0, shears[i], *zooms[:, i],
            row_axis=0, col_axis=1, channel_axis=2,
        )  # fmt: skip
        np.testing.assert_allclose(by_scipy(image, matrix), keras, atol=0.01)


def test_pure_shifts_move_whole_pixels_and_repeat_the_edge() -> None:
    augmentation = Augmentation(width_shift_range=0.25, height_shift_range=0.125)
    image = np.random.default_rng(1).integers(0, 256, (32, 32, 3), np.uint8)
    padded = np.pad(image, ((8, 8), (8, 8), (0, 0)), mode="edge")
    places = {padded[y : y + 32, x : x + 32].tobytes(): (y - 8, x - 8) for y in range(17) for x in range(17)}
    found = [places[p.tobytes()] for p in Augmenter(augmentation).augment(np.repeat(image[None], 500, axis=0), rng())]
    rows, columns = zip(*found, strict=True)
    assert (min(rows), max(rows)) == (-4, 4)
    assert (min(columns), max(columns)) == (-8, 8)
    assert set(columns) == set(range(-8, 9))


def rng(seed: int = 1) -> np.random.Generator:
    return np.random.default_rng(seed)


def test_a_zoom_above_one_shows_more() -> None:
    dot = np.zeros((33, 33, 3), np.uint8)
    dot[10:23, 10:23] = 255
    small, large = (
        Augmenter(Augmentation(zoom_range=(zoom, zoom))).augment(dot[None], rng())[0].astype(int).sum()
        for zoom in (1.5, 0.7)
    )
    assert small < dot.astype(int).sum() < large


def test_half_are_mirrored_after_the_warp() -> None:
    images = np.repeat(scene()[None], 400, axis=0)
    plain = Augmentation(rotation_range=20)
    both = replace(plain, horizontal_flip=True)
    # The same numbers are drawn with and without: each is either the plain one or its mirror image.
    one, other = Augmenter(plain).augment(images, rng()), Augmenter(both).augment(images, rng())
    mirrored = [not np.array_equal(a, b) for a, b in zip(one, other, strict=True)]
    assert 150 < sum(mirrored) < 250
    for i in np.flatnonzero(mirrored)[:50]:
        assert np.abs(one[i, :, ::-1].astype(int) - other[i]).max() <= 8
    assert np.array_equal(mirror(5) @ [0, 0, 1], [4, 0, 1])


@pytest.mark.parametrize("factor", [0.3, 1.0, 1.7])
def test_brightness_is_pillow_s(factor: float) -> None:
    """ImageDataGenerator hands brightness to Pillow's ImageEnhance."""
    changed = Augmenter(Augmentation(brightness_range=(factor, factor))).augment(scene()[None], rng())[0]
    expected = np.asarray(ImageEnhance.Brightness(Image.fromarray(scene())).enhance(factor))
    assert np.abs(changed.astype(int) - expected).max() <= 1


def test_contrast_spreads_around_the_middle() -> None:
    gray = np.full((1, 4, 4, 3), 128, np.uint8)
    gray[0, 0] = 100
    low, high = (Augmenter(Augmentation(contrast_range=(c, c))).augment(gray, rng()) for c in (0.5, 2.0))
    assert (low[0, 0, 0, 0], low[0, 1, 0, 0]) == (114, 128)
    assert (high[0, 0, 0, 0], high[0, 1, 0, 0]) == (72, 128)


def test_degraded_images_are_as_from_a_webcam() -> None:
    noisy = np.random.default_rng(1).integers(0, 256, (200, 32, 32, 3), np.uint8)
    augmentation = Augmentation(camera_noise=0.5, blur=1.0, jpeg_quality=40)
    changed = Augmenter(augmentation).augment(noisy, rng())
    touched = [not np.array_equal(a, b) for a, b in zip(noisy, changed, strict=True)]
    assert 70 < sum(touched) < 130
    rough = np.abs(np.diff(noisy.astype(int), axis=2)).mean()
    smooth = np.abs(np.diff(changed[touched].astype(int), axis=2)).mean()
    assert smooth < 0.8 * rough
    # Red stays red: the codec's order of colors is not ours.
    red = np.zeros((1, 32, 32, 3), np.uint8)
    red[..., 0] = 220
    back = Augmenter(Augmentation(camera_noise=1.0, jpeg_quality=75)).augment(red, rng())[0].mean(axis=(0, 1))
    np.testing.assert_allclose(back, [220, 0, 0], atol=4)


def test_an_erased_rectangle_is_of_one_color_and_its_size_is_kept() -> None:
    images = np.repeat(scene((64, 64))[None], 300, axis=0)
    changed = Augmenter(Augmentation(random_erasing=0.5)).augment(images, rng())
    shares = []
    for before, after in zip(images, changed, strict=True):
        differs = (before != after).any(axis=-1)
        if differs.any():
            rows, columns = np.flatnonzero(differs.any(axis=1)), np.flatnonzero(differs.any(axis=0))
            part = after[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
            assert (part == part[0, 0]).all()
            shares.append(part.shape[0] * part.shape[1] / 64**2)
    assert 110 < len(shares) < 190
    assert min(shares) > 0.01 and max(shares) < 0.28


def test_nothing_asked_for_changes_nothing() -> None:
    images = np.random.default_rng(1).integers(0, 256, (9, 12, 10, 3), np.uint8)
    before = images.copy()
    changed = Augmenter(NONE).augment(images, rng())
    np.testing.assert_array_equal(changed, before)
    changed[:] = 0
    np.testing.assert_array_equal(images, before)


@pytest.mark.parametrize("name", RECIPES)
def test_the_given_images_stay_as_they_are(name: str) -> None:
    images = np.repeat(scene((32, 32))[None], 64, axis=0)
    before = images.copy()
    changed = Augmenter(RECIPES[name].augmentation).augment(images, rng())
    assert changed.shape == images.shape and changed.dtype == np.uint8
    np.testing.assert_array_equal(images, before)
    again = Augmenter(RECIPES[name].augmentation).augment(images, rng())
    np.testing.assert_array_equal(changed, again)


def test_the_chapter_s_ranges_show() -> None:
    changed = Augmenter(CHAPTER).augment(np.repeat(scene((64, 64))[None], 16, axis=0), rng())
    assert len({image.tobytes() for image in changed}) == 16
    assert changed.mean() < scene((64, 64)).mean()
