"""The image path: where each pixel of a fitted and resized image is from, by hand and by the description."""

import numpy as np
import numpy.typing as npt
import pytest

from device.images import images
from device.model.card import Fit

Array = npt.NDArray[np.uint8]

# Geometry, by hand. crop: the part of the image's rows and columns; pad: the part of the result that is image.


@pytest.mark.parametrize(
    ("image", "size", "rows", "columns"),
    [
        ((100, 200), (50, 50), (0, 100), (50, 150)),
        ((200, 100), (50, 50), (50, 150), (0, 100)),
        ((101, 200), (50, 50), (0, 101), (49, 150)),
        ((60, 80), (16, 32), (10, 50), (0, 80)),
        ((60, 80), (32, 16), (0, 60), (25, 55)),
        ((24, 30), (16, 16), (0, 24), (3, 27)),
        ((3, 1000), (28, 28), (0, 3), (498, 501)),
        ((1, 5), (1, 100), (0, 1), (0, 5)),
        ((1, 1), (28, 28), (0, 1), (0, 1)),
        ((7, 9), (7, 9), (0, 7), (0, 9)),
    ],
)
def test_crop_takes_the_largest_centered_part(
    image: tuple[int, int], size: tuple[int, int], rows: tuple[int, int], columns: tuple[int, int]
) -> None:
    whole = np.random.default_rng(3).integers(0, 256, (*image, 3), np.uint8)
    part = images.crop(whole, size)
    assert np.array_equal(part, whole[slice(*rows), slice(*columns)])
    assert np.shares_memory(part, whole)


@pytest.mark.parametrize(
    ("image", "size", "rows", "columns"),
    [
        ((100, 200), (50, 50), (12, 37), (0, 50)),
        ((200, 100), (50, 50), (0, 50), (12, 37)),
        ((60, 80), (16, 16), (2, 14), (0, 16)),
        ((10, 10), (20, 30), (0, 20), (5, 25)),
        ((1, 1000), (28, 28), (13, 14), (0, 28)),
        ((7, 9), (7, 9), (0, 7), (0, 9)),
    ],
)
def test_pad_shows_the_whole_image_with_black_beside_it(
    image: tuple[int, int], size: tuple[int, int], rows: tuple[int, int], columns: tuple[int, int]
) -> None:
    white = np.full((*image, 3), 255, np.uint8)
    expected = np.zeros((*size, 3), np.uint8)
    expected[slice(*rows), slice(*columns)] = 255
    assert np.array_equal(images.pad(white, size), expected)


def test_stretch_changes_the_shape_and_loses_nothing() -> None:
    halves = np.zeros((40, 80, 3), np.uint8)
    halves[:, 40:] = (200, 100, 50)
    assert np.array_equal(images.preprocess(halves, (8, 8), "stretch")[:, 4:], np.full((8, 4, 3), (200, 100, 50)))
    assert images.preprocess(halves, (8, 8), "stretch")[:, :4].max() == 0
    assert images.preprocess(halves, (8, 8), "crop")[:, 4:].min() == 50
    assert images.preprocess(halves, (8, 8), "pad")[:2].max() == 0


def halved(whole: Array, rows: int = 2, columns: int = 2) -> Array:
    """The rounded mean of four pixels (an exact half goes up) or two (to the even number); a last odd one is lost."""
    height, width = whole.shape[0] // rows * rows, whole.shape[1] // columns * columns
    parts = [whole[i:height:rows, j:width:columns].astype(float) for i in range(rows) for j in range(columns)]
    mean = np.mean(parts, axis=0)
    return (np.floor(mean + 0.5) if len(parts) == 4 else np.rint(mean)).astype(np.uint8)


def test_halving_is_the_rounded_mean() -> None:
    image = np.random.default_rng(4).integers(0, 256, (64, 96, 3), np.uint8)
    assert np.array_equal(images.resize(image, (32, 48)), halved(image))
    assert np.array_equal(images.resize(image, (16, 24)), halved(halved(image)))
    assert np.array_equal(images.resize(image, (32, 96)), halved(image, 2, 1))
    assert np.array_equal(images.resize(image, (64, 48)), halved(image, 1, 2))
    odd = image[:63, :95]
    assert np.array_equal(images.resize(odd, (31, 47)), halved(image[:62, :94]))


def between(image: Array, height: int, width: int) -> Array:
    """Bilinear in whole numbers, by hand: pixel centers at x + 0.5, the edge repeated, shares in 256ths."""

    def places(before: int, after: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.float64]]:
        at = np.clip((np.arange(after) + 0.5) * before / after - 0.5, 0, before - 1)
        first = np.minimum(at.astype(np.int64), max(before - 2, 0))
        return first, np.minimum(first + 1, before - 1), at - first

    above, below, down = places(image.shape[0], height)
    left, right, across = places(image.shape[1], width)
    rows = image.astype(float)
    rows = rows[:, left] * (1 - across[None, :, None]) + rows[:, right] * across[None, :, None]
    return np.asarray(rows[above] * (1 - down[:, None, None]) + rows[below] * down[:, None, None])


def by_the_description(image: Array, height: int, width: int) -> Array:
    """docs/images.md: each side is halved while it is at least twice the target, then one bilinear step."""
    while image.shape[0] >= 2 * height or image.shape[1] >= 2 * width:
        image = halved(image, 1 + (image.shape[0] >= 2 * height), 1 + (image.shape[1] >= 2 * width))
    return between(image, height, width)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ((720, 1280), (224, 224)),
        ((720, 720), (32, 32)),
        ((375, 500), (96, 96)),
        ((101, 77), (13, 31)),
        ((57, 113), (28, 28)),
        ((63, 63), (32, 32)),  # one short of twice: no halving
        ((64, 64), (32, 32)),
        ((64, 100), (32, 32)),
        ((720, 1280), (60, 640)),  # one side is halved oftener than the other
        ((20, 30), (50, 61)),  # grows
        ((1, 1), (5, 3)),
        ((100, 10), (30, 40)),  # one side shrinks, the other grows
        ((10, 100), (40, 30)),
        ((28, 56), (28, 28)),
        ((28, 28), (28, 28)),
    ],
)
def test_resize_follows_its_description(before: tuple[int, int], after: tuple[int, int]) -> None:
    image = np.random.default_rng(5).integers(0, 256, (*before, 3), np.uint8)
    expected = by_the_description(image, *after)
    # Shares in 256ths and two roundings instead of none: within 2 of 255.
    assert np.abs(images.resize(image, after) - expected).max() <= 2
    assert np.abs(images.resize(image, after) - expected).mean() <= 0.4


def test_memory_that_is_kept_changes_nothing() -> None:
    """Frames of several sizes in turn, with one Scratch for all of them."""
    random, scratch = np.random.default_rng(7), images.Scratch()
    for before in ((720, 1280), (480, 640), (101, 77), (720, 1280), (20, 30), (32, 32)):
        image = random.integers(0, 256, (*before, 3), np.uint8)
        for fit in ("crop", "stretch", "pad"):
            for size in ((32, 32), (28, 40)):
                kept = images.preprocess(image, size, fit, scratch)
                assert np.array_equal(kept, images.preprocess(image, size, fit))


def test_sides_that_only_grow_keep_their_corners() -> None:
    corners = np.array([[[0, 0, 0], [255, 0, 0]], [[0, 255, 0], [0, 0, 255]]], np.uint8)
    grown = images.resize(corners, (9, 9))
    for row, column in ((0, 0), (0, -1), (-1, 0), (-1, -1)):
        assert np.array_equal(grown[row, column], corners[row, column])


def test_any_size_becomes_exactly_the_size_that_is_asked() -> None:
    random = np.random.default_rng(6)
    for _ in range(150):
        before, after = random.integers(1, 200, 2), random.integers(1, 90, 2)
        size = int(after[0]), int(after[1])
        low, high = sorted(random.integers(0, 256, 2))
        image = random.integers(low, high + 1, (*before, 3)).astype(np.uint8)
        untouched = image.copy()
        flat = np.full((*before, 3), (low, high, 77), np.uint8)
        for fit in ("crop", "stretch", "pad"):
            result = images.preprocess(image, size, fit)
            assert result.shape == (*size, 3) and result.dtype == np.uint8, (before, size, fit)
            assert result.max() <= high and (fit == "pad" or result.min() >= low), (before, size, fit)
        fills: tuple[Fit, ...] = "crop", "stretch"
        for fit in fills:
            constant = images.preprocess(flat, size, fit)
            assert np.array_equal(constant, np.full((*size, 3), (low, high, 77))), (before, size, fit)
        assert np.array_equal(image, untouched)
