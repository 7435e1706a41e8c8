"""Converts whatever a Python program gives as an image to the RGB pixels that everything else takes."""

from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from device.errors import ImageError
from device.images import images, orientation
from device.images.images import Pixels
from device.inference.preprocess import Color

# A file's path, its bytes, a PIL image, or pixels, uint8 [height, width, 3].
Image = str | PathLike[str] | bytes | Pixels | Any
EXPECTED = "expected a path, a file's bytes, a PIL image, or a uint8 array of height x width x 3"
# PIL's modes with 8 bits per channel, which it converts to RGB without loss.
PIL_MODES = frozenset({"1", "L", "LA", "P", "PA", "RGB", "RGBA", "RGBa", "RGBX", "CMYK", "YCbCr"})


def to_rgb(image: Image, color: Color = "RGB") -> Pixels:
    """The image as uint8 RGB, [height, width, 3], rotated by its EXIF orientation.

    color: the order of the channels of an array; OpenCV's frames are BGR. ImageError if it is no image, or can't be
    decoded.
    """
    if isinstance(image, (str, PathLike)):
        return images.read(Path(image))
    if isinstance(image, (bytes, bytearray, memoryview)):
        try:
            return images.decode(bytes(image))
        except ValueError as error:
            raise ImageError(f"the image's bytes: {error}") from None
    if isinstance(image, np.ndarray):
        return _of_array(image, color)
    if hasattr(image, "getexif") and hasattr(image, "convert"):
        return _of_pil(image)
    raise ImageError(f"the image is of type {type(image).__name__}, {EXPECTED}; convert it to one of these")


def _of_array(array: Pixels, color: Color) -> Pixels:
    if array.dtype != np.uint8 or array.ndim != 3 or array.shape[2] != 3 or not array.size:
        raise ImageError(
            f"the image is an array of {array.dtype} and shape {array.shape}, expected uint8 of (height, width, 3);"
            " convert it, or give the file's path"
        )
    if color not in ("RGB", "BGR"):
        raise ImageError(f"color is {color!r}, expected RGB or BGR; OpenCV's frames are BGR, all others RGB")
    return array if color == "RGB" else np.ascontiguousarray(array[:, :, ::-1])


def _of_pil(image: Any) -> Pixels:
    """Rotates it too: PIL leaves an image as stored, whatever its EXIF orientation says."""
    if image.mode not in PIL_MODES:
        raise ImageError(
            f"the image is a PIL image of mode {image.mode}, expected 8 bits per channel; give the file's path"
        )
    found = orientation.BY_TAG.get(image.getexif().get(orientation.ORIENTATION), orientation.UPRIGHT)
    return images.upright(np.asarray(image.convert("RGB")), found)
