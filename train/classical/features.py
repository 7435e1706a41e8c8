"""Handmade features: an image's brightness, the height of the object in it, and its histograms of gradients.

Images are uint8 RGB [height, width, 3]. train/classical/methods.py classifies the features.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy as np
import numpy.typing as npt
from skimage import feature

from device.errors import UserError
from device.host import system
from device.images.images import Pixels, Size

Floats = npt.NDArray[np.float32]
Mask = npt.NDArray[np.uint8]

CELLS = 8  # a side: a cell of a 128x128 image has 16x16 pixels
LEAST_SIDE = 2 * CELLS  # a gradient needs two pixels


def brightness(image: Pixels) -> float:
    """Mean luminance (ITU-R BT.601), 0 black to 1 white."""
    return float(_gray(image).mean()) / 255


def object_height(image: Pixels) -> float:
    """Height of the largest foreground blob as a share of the image's, 0..1; 0 if there is none."""
    rows = np.flatnonzero(largest_blob(image).any(axis=1))
    return float(rows[-1] + 1 - rows[0]) / len(image) if len(rows) else 0.0


def largest_blob(image: Pixels) -> Mask:
    """1 where the largest connected piece of the foreground is, else 0: [height, width].

    Otsu's threshold (IEEE Trans. SMC 9, 1979) cuts the image into a bright and a dark side. Brightness doesn't tell
    which one is the object: a black cat sits on snow, a white one on a lawn. But people put the object in the middle,
    so the side with fewer pixels along the border is the foreground. An image of one color has none.
    """
    _, bright = cv2.threshold(_gray(image), 0, 1, cv2.THRESH_BINARY + cv2.THRESH_OTSU)
    border = np.concatenate([bright[0], bright[-1], bright[1:-1, 0], bright[1:-1, -1]])
    foreground = 1 - bright if border.mean() > 0.5 else bright
    count, blobs, statistics, _ = cv2.connectedComponentsWithStats(foreground, connectivity=8)
    if count == 1:  # number 0 is the background
        return np.zeros(foreground.shape, np.uint8)
    largest = 1 + statistics[1:, cv2.CC_STAT_AREA].argmax()
    return np.asarray(blobs == largest, np.uint8)


def gradients(image: Pixels) -> Floats:
    """Histograms of oriented gradients (Dalal and Triggs, CVPR 2005): 1,764 numbers 0..1, whatever the size.

    8 x 8 cells of nine orientations each, of the color channel that changes most; 7 x 7 overlapping blocks of
    2 x 2 cells, each scaled by its own contrast (L2-Hys).
    """
    return np.asarray(_histograms(image, visualize=False), np.float32)


def gradients_drawn(image: Pixels) -> Floats:
    """A star of lines in each cell, the brighter the more of its edges run that way: [height, width]."""
    return np.asarray(_histograms(image, visualize=True)[1], np.float32)


def _histograms(image: Pixels, visualize: bool) -> npt.NDArray[np.float64]:
    height, width = image.shape[:2]
    cell = height // CELLS, width // CELLS
    top, left = (height - CELLS * cell[0]) // 2, (width - CELLS * cell[1]) // 2
    # Drop incomplete cells, evenly on all four sides.
    whole = image[top : top + CELLS * cell[0], left : left + CELLS * cell[1]]
    made: npt.NDArray[np.float64] = feature.hog(
        whole,
        orientations=9,
        pixels_per_cell=cell,
        cells_per_block=(2, 2),
        block_norm="L2-Hys",
        visualize=visualize,
        channel_axis=-1,
    )
    return made


def check_size(size: Size) -> None:
    """UserError for images too small for 8 x 8 cells."""
    if min(size) < LEAST_SIDE:
        raise UserError(
            f"images of {size[0]}x{size[1]} are too small for histograms of gradients,"
            f" expected sides of {LEAST_SIDE} or more; try --set image_size=128x128"
        )


def measure(images: Sequence[Pixels] | npt.NDArray[np.uint8]) -> Floats:
    """[n, 1766]: each image's brightness, its object's height, and its gradients. Uses all cores."""
    with ThreadPoolExecutor(system.usable_cores()) as pool:
        return np.stack(list(pool.map(_measure_one, images)))


def _measure_one(image: Pixels) -> Floats:
    plane = np.array([brightness(image), object_height(image)], np.float32)
    return np.concatenate([plane, gradients(image)])


def _gray(image: Pixels) -> Mask:
    return np.asarray(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), np.uint8)
