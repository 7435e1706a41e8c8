"""A camera's faults: compression, blur, noise, exposure, a crooked mount, each at five severities.

Parameters: D. Hendrycks and T. Dietterich, Benchmarking Neural Network Robustness to Common Corruptions and
Perturbations, ICLR 2019 (https://arxiv.org/abs/1903.12261), as their code has them: CIFAR-10-C's for networks of less
than 64 pixels a side, ImageNet-C's for larger ones. Of blur they are lengths in pixels of a 32 or 224 pixel image, and
are taken in proportion. Darkness (brightness, the other way), rotation and shift aren't theirs.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

import cv2
import numpy as np
import numpy.typing as npt

from device.images import images
from device.images.images import Pixels

Reals = npt.NDArray[np.float32]
Kernel = npt.NDArray[np.float32]
# Of them a measurement takes every other one.
SEVERITIES = (1, 2, 3, 4, 5)
# Networks of this side on are measured by ImageNet-C's parameters.
LARGE = 64
# How finely a disk's edge is counted out, of a pixel.
FINENESS = 8


@dataclass(frozen=True)
class Benchmark:
    """side: of the images that its lengths are pixels of. Each field: a value a severity.

    jpeg: quality. defocus: radius of the disk and sigma of a Gaussian after it. motion: length and sigma of a one-sided
    Gaussian trail. gaussian: sigma, of pixels 0..1. shot: photons for a white pixel. brightness: added to HSV's value.
    contrast: factor.
    """

    name: str
    side: int
    jpeg: tuple[int, ...]
    defocus: tuple[tuple[float, float], ...]
    motion: tuple[tuple[float, float], ...]
    gaussian: tuple[float, ...]
    shot: tuple[int, ...]
    brightness: tuple[float, ...]
    contrast: tuple[float, ...]


CIFAR_10_C = Benchmark(
    "CIFAR-10-C",
    side=32,
    jpeg=(80, 65, 58, 50, 40),
    defocus=((0.3, 0.4), (0.4, 0.5), (0.5, 0.6), (1, 0.2), (1.5, 0.1)),
    motion=((6, 1), (6, 1.5), (6, 2), (8, 2), (9, 2.5)),
    gaussian=(0.04, 0.06, 0.08, 0.09, 0.10),
    shot=(500, 250, 100, 75, 50),
    brightness=(0.05, 0.1, 0.15, 0.2, 0.3),
    contrast=(0.75, 0.5, 0.4, 0.3, 0.15),
)
IMAGENET_C = Benchmark(
    "ImageNet-C",
    side=224,
    jpeg=(25, 18, 15, 10, 7),
    defocus=((3, 0.1), (4, 0.5), (6, 0.5), (8, 0.5), (10, 0.5)),
    motion=((10, 3), (15, 5), (15, 8), (15, 12), (20, 15)),
    gaussian=(0.08, 0.12, 0.18, 0.26, 0.38),
    shot=(60, 25, 12, 5, 3),
    brightness=(0.1, 0.2, 0.3, 0.4, 0.5),
    contrast=(0.4, 0.3, 0.2, 0.1, 0.05),
)
# Degrees to either side; shares of the side, in any direction.
ROTATION, SHIFT = (3, 6, 9, 12, 15), (0.02, 0.04, 0.06, 0.08, 0.10)


@dataclass(frozen=True)
class Strength:
    """A severity for images of a size. place: of the severity's values; scale: of lengths."""

    of: Benchmark
    place: int
    scale: float


def benchmark_for(network_side: int) -> Benchmark:
    """network_side: the shorter side of its input, in pixels."""
    return CIFAR_10_C if network_side < LARGE else IMAGENET_C


def strength(severity: int, network_side: int, image_side: int) -> Strength:
    """image_side: the shorter side of the images that are corrupted, which later become the network's size."""
    of = benchmark_for(network_side)
    return Strength(of, severity - 1, image_side / of.side)


Corruption = Callable[[Pixels, Strength, np.random.Generator], Pixels]


def jpeg(image: Pixels, given: Strength, random: np.random.Generator) -> Pixels:
    """Saved with a quality that low, and read again."""
    return images.through_jpeg(image, given.of.jpeg[given.place])


def defocus_blur(image: Pixels, given: Strength, random: np.random.Generator) -> Pixels:
    """Out of focus: a disk, softened."""
    radius, sigma = given.of.defocus[given.place]
    return _filtered(image, disk(radius * given.scale, sigma * given.scale))


def motion_blur(image: Pixels, given: Strength, random: np.random.Generator) -> Pixels:
    """The camera moves, up to 45 degrees off the horizontal."""
    length, sigma = given.of.motion[given.place]
    return _filtered(image, trail(length * given.scale, sigma * given.scale, random.uniform(-45, 45)))


def gaussian_noise(image: Pixels, given: Strength, random: np.random.Generator) -> Pixels:
    """What the electronics add to each pixel."""
    return _pixels(_shares(image) + random.normal(0, given.of.gaussian[given.place], image.shape))


def shot_noise(image: Pixels, given: Strength, random: np.random.Generator) -> Pixels:
    """Light comes in photons: in the dark a sensor counts few."""
    photons = given.of.shot[given.place]
    return _pixels(random.poisson(_shares(image) * photons) / photons)


def brightness(image: Pixels, given: Strength, random: np.random.Generator) -> Pixels:
    """Too much light."""
    return _with_value(image, given.of.brightness[given.place])


def darkness(image: Pixels, given: Strength, random: np.random.Generator) -> Pixels:
    """Too little light."""
    return _with_value(image, -given.of.brightness[given.place])


def contrast(image: Pixels, given: Strength, random: np.random.Generator) -> Pixels:
    """Less of it, around the mean of each channel."""
    shares = _shares(image)
    means = shares.mean(axis=(0, 1), keepdims=True)
    return _pixels((shares - means) * given.of.contrast[given.place] + means)


def rotation(image: Pixels, given: Strength, random: np.random.Generator) -> Pixels:
    """A crooked mount: to either side, around the middle."""
    height, width = image.shape[:2]
    degrees = ROTATION[given.place] * random.choice((-1, 1))
    return _warped(image, cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), degrees, 1))


def shift(image: Pixels, given: Strength, random: np.random.Generator) -> Pixels:
    """Off-center by a share of the shorter side."""
    distance, angle = SHIFT[given.place] * min(image.shape[:2]), random.uniform(0, 2 * np.pi)
    return _warped(image, np.array([[1, 0, distance * np.cos(angle)], [0, 1, distance * np.sin(angle)]]))


CORRUPTIONS: dict[str, Corruption] = {
    function.__name__: function
    for function in (
        jpeg,
        defocus_blur,
        motion_blur,
        gaussian_noise,
        shot_noise,
        brightness,
        darkness,
        contrast,
        rotation,
        shift,
    )
}


def disk(radius: float, sigma: float) -> Kernel:
    """What a point of light becomes out of focus: each pixel by the share of it that lies inside, softened by sigma.

    Theirs counts whole pixels, which a radius of a few tenths or one in proportion can't be.
    """
    reach = int(np.ceil(radius + 3 * sigma)) + 1
    fine = (np.arange((2 * reach + 1) * FINENESS) + 0.5) / FINENESS - reach - 0.5
    inside = (fine[:, None] ** 2 + fine[None, :] ** 2 <= radius**2).astype(np.float32)
    side = 2 * reach + 1
    kernel = cv2.GaussianBlur(inside.reshape(side, FINENESS, side, FINENESS).mean(axis=(1, 3)), (0, 0), sigma)
    return cast(Kernel, kernel / kernel.sum())


def trail(length: float, sigma: float, degrees: float) -> Kernel:
    """What a point becomes while the camera moves: a straight line that fades, as ImageMagick's motion blur has it."""
    steps = np.arange(2 * int(np.ceil(length)) + 1)
    weights = np.exp(-(steps**2) / (2 * sigma**2))
    reach = int(steps[-1])
    kernel = np.zeros((2 * reach + 1, 2 * reach + 1), np.float32)
    angle = np.deg2rad(degrees)
    down, across = np.rint(steps * np.sin(angle)).astype(int), np.rint(steps * np.cos(angle)).astype(int)
    np.add.at(kernel, (reach + down, reach + across), weights)
    kernel /= kernel.sum()
    return kernel


def _filtered(image: Pixels, kernel: Kernel) -> Pixels:
    return cast(Pixels, cv2.filter2D(image, -1, kernel))


def _warped(image: Pixels, matrix: npt.NDArray[Any]) -> Pixels:
    """Warps an image; pixels from beyond the edge repeat the nearest one."""
    size = image.shape[1], image.shape[0]
    return cast(Pixels, cv2.warpAffine(image, matrix, size, None, cv2.INTER_LINEAR, cv2.BORDER_REPLICATE))


def _with_value(image: Pixels, added: float) -> Pixels:
    """Scales HSV's value, the largest channel, and the others with it, so hue and saturation stay."""
    shares = _shares(image)
    value = shares.max(axis=2, keepdims=True)
    wanted = np.clip(value + added, 0, 1)
    return _pixels(np.where(value > 0, shares * (wanted / np.maximum(value, 1e-6)), wanted))


def _shares(image: Pixels) -> Reals:
    shares: Reals = np.divide(image, 255, dtype=np.float32)
    return shares


def _pixels(shares: npt.NDArray[np.floating]) -> Pixels:
    pixels: Pixels = np.rint(255 * np.clip(shares, 0, 1)).astype(np.uint8)
    return pixels
