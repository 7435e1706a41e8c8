"""Features made by hand: a picture's brightness, the height of the object in it, and its histograms of gradients.

Pictures are uint8 RGB [height, width, 3]. What is decided from the features: train/classical/methods.py.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy as np
import numpy.typing as npt
from skimage import feature

from device.errors import UserError
from device.host import system
from device.images.pictures import Picture, Size

Floats = npt.NDArray[np.float32]
Mask = npt.NDArray[np.uint8]

CELLS = 8  # a side: a cell of a 128x128 picture has 16x16 pixels
LEAST_SIDE = 2 * CELLS  # a gradient needs two pixels


def brightness(picture: Picture) -> float:
    """Mean luminance (ITU-R BT.601), 0 black to 1 white."""
    return float(_grey(picture).mean()) / 255


def object_height(picture: Picture) -> float:
    """Height of the largest foreground blob as a share of the picture's, 0..1; 0 where there is none."""
    rows = np.flatnonzero(largest_blob(picture).any(axis=1))
    return float(rows[-1] + 1 - rows[0]) / len(picture) if len(rows) else 0.0


def largest_blob(picture: Picture) -> Mask:
    """1 where the largest connected piece of the foreground is, else 0: [height, width].

    Otsu's threshold (IEEE Trans. SMC 9, 1979) cuts the picture into a bright and a dark side. Which of them is the
    object isn't told by brightness, a black cat sits on snow as a white one on a lawn. But who takes a picture puts the
    object into its middle: the side with fewer of the pixels along the border is the foreground. A picture of one
    colour has none.
    """
    _, bright = cv2.threshold(_grey(picture), 0, 1, cv2.THRESH_BINARY + cv2.THRESH_OTSU)
    border = np.concatenate([bright[0], bright[-1], bright[1:-1, 0], bright[1:-1, -1]])
    foreground = 1 - bright if border.mean() > 0.5 else bright
    count, blobs, statistics, _ = cv2.connectedComponentsWithStats(foreground, connectivity=8)
    if count == 1:  # number 0 is the background
        return np.zeros(foreground.shape, np.uint8)
    largest = 1 + statistics[1:, cv2.CC_STAT_AREA].argmax()
    return np.asarray(blobs == largest, np.uint8)


def gradients(picture: Picture) -> Floats:
    """Histograms of oriented gradients (Dalal and Triggs, CVPR 2005): 1,764 numbers 0..1, whatever the size.

    8 x 8 cells of nine orientations each, of the colour channel that changes most; 7 x 7 overlapping blocks of
    2 x 2 cells, each scaled by its own contrast (L2-Hys).
    """
    return np.asarray(_histograms(picture, visualize=False), np.float32)


def gradients_drawn(picture: Picture) -> Floats:
    """A star of lines in each cell, the brighter the more of its edges run that way: [height, width]."""
    return np.asarray(_histograms(picture, visualize=True)[1], np.float32)


def _histograms(picture: Picture, visualize: bool) -> npt.NDArray[np.float64]:
    height, width = picture.shape[:2]
    cell = height // CELLS, width // CELLS
    top, left = (height - CELLS * cell[0]) // 2, (width - CELLS * cell[1]) // 2
    # What is no whole cell is left out, at all four sides alike.
    whole = picture[top : top + CELLS * cell[0], left : left + CELLS * cell[1]]
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
    """UserError for pictures too small for 8 x 8 cells."""
    if min(size) < LEAST_SIDE:
        raise UserError(
            f"pictures of {size[0]}x{size[1]} are too small for histograms of gradients,"
            f" expected sides of {LEAST_SIDE} or more; try --set image_size=128x128"
        )


def measure(pictures: Sequence[Picture] | npt.NDArray[np.uint8]) -> Floats:
    """[n, 1766]: of each picture its brightness, its object's height, and its gradients. All cores share them."""
    with ThreadPoolExecutor(system.usable_cores()) as pool:
        return np.stack(list(pool.map(_measure_one, pictures)))


def _measure_one(picture: Picture) -> Floats:
    plane = np.array([brightness(picture), object_height(picture)], np.float32)
    return np.concatenate([plane, gradients(picture)])


def _grey(picture: Picture) -> Mask:
    return np.asarray(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), np.uint8)
