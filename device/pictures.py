"""The one picture path: bytes -> uint8 RGB picture -> the network's size. Nothing else here decodes or resizes.

A picture is a uint8 array, height x width x 3, RGB. Sizes are (height, width). Who changes what is done here changes
what every trained network sees: all models have to be exported again.

How the resize was chosen, with its time and error beside the alternatives: docs/pictures.md.
"""

import os
import re
from pathlib import Path
from typing import cast

import numpy as np
import numpy.typing as npt

from device import tags
from device.card import Fit
from device.errors import UserError

# Read by OpenCV when it is imported: a picture of more pixels is refused instead of filling a board's memory.
MAX_PIXELS = 2**27
os.environ.setdefault("OPENCV_IO_MAX_IMAGE_PIXELS", str(MAX_PIXELS))
os.environ.setdefault("OPENCV_LOG_LEVEL", "SILENT")

import cv2  # noqa: E402

Picture = npt.NDArray[np.uint8]
Size = tuple[int, int]

SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".webp", ".gif", ".tif", ".tiff", ".ppm", ".pgm", ".avif"})
MAX_FILE_BYTES = 2**28

# A mark in a JPEG that something follows: not a stuffed zero, a restart, or one of the marks that stand alone.
JPEG_MARK = re.compile(rb"\xff[\x02-\xcf\xd9-\xfe]")
JPEG_END = 0xD9


def read(path: Path) -> Picture:
    """Reads and decodes a picture file; UserError names the file when it can't be read or decoded."""
    try:
        with path.open("rb") as file:
            data = file.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        raise UserError(f"{path}: the picture can't be read ({error.strerror})") from None
    try:
        return decode(data)
    except ValueError as error:
        raise UserError(f"{path}: {error}") from None


def decode(data: bytes) -> Picture:
    """Decodes JPEG, PNG, BMP, WebP, GIF, TIFF, PPM or AVIF bytes to RGB.

    EXIF orientation is applied, alpha is dropped, of an animation the first frame counts, 16 bits become 8, grey and
    palette become RGB. ValueError says why bytes can't be used.
    """
    if not data:
        raise ValueError("the file is empty, expected a picture")
    if len(data) > MAX_FILE_BYTES:
        raise ValueError(f"more than {MAX_FILE_BYTES} bytes, expected a picture file of at most that")
    if _is_truncated(data):
        raise ValueError("the picture is truncated (its end is missing)")
    turn = tags.turn(data)
    flags = cv2.IMREAD_COLOR | (0 if turn is None else cv2.IMREAD_IGNORE_ORIENTATION)
    try:
        picture = cv2.imdecode(np.frombuffer(tags.without_alpha(data), np.uint8), flags)
    except cv2.error as error:
        if "CV_IO_MAX_IMAGE" in str(error):
            raise ValueError(f"the picture has more than {MAX_PIXELS} pixels; make it smaller") from None
        picture = None
    if picture is None:
        # haveImageReader would want a file that is there; who writes a format also reads it.
        if data[:4] == b"GIF8" and not cv2.haveImageWriter("picture.gif"):
            raise ValueError(f"this OpenCV ({cv2.__version__}) has no GIF decoder; convert the picture to PNG or JPEG")
        raise ValueError("not a picture that can be decoded; expected JPEG, PNG, BMP, WebP, GIF, TIFF, PPM or AVIF")
    return _turned(cast(Picture, cv2.cvtColor(picture, cv2.COLOR_BGR2RGB)), turn or tags.UPRIGHT)


def _is_truncated(data: bytes) -> bool:
    """Whether the mark at the end of a JPEG, PNG or WebP is missing: older OpenCV decode those to half a picture."""
    if data[:2] == b"\xff\xd8":
        return not _jpeg_ends(data)
    if data[:8] == b"\x89PNG\r\n\x1a\n":
        return b"IEND" not in data
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return int.from_bytes(data[4:8], "little") + 8 > len(data)
    return False


def _jpeg_ends(data: bytes) -> bool:
    """Whether the picture's own end is there: not that of a thumbnail in its metadata, nor of a film behind it."""
    position = 2
    while mark := JPEG_MARK.search(data, position):
        if data[mark.end() - 1] == JPEG_END:
            return True
        position = mark.end() + int.from_bytes(data[mark.end() : mark.end() + 2], "big")
    return False


def _turned(picture: Picture, turn: tags.Turn) -> Picture:
    if turn == tags.UPRIGHT:
        return picture
    picture = np.rot90(picture, turn.quarters)
    return np.ascontiguousarray(picture if turn.mirrored is None else np.flip(picture, turn.mirrored))


def prepare(picture: Picture, size: Size, fit: Fit = "crop") -> Picture:
    """A picture at the network's size (height, width).

    fit: "crop" takes the largest centred part of the target's shape; "stretch" changes the shape; "pad" shows the
    whole picture with black beside it. The result may share memory with the argument.
    """
    if fit == "crop":
        return resize(crop(picture, size), size)
    if fit == "stretch":
        return resize(picture, size)
    return pad(picture, size)


def crop(picture: Picture, size: Size) -> Picture:
    """The largest centred part of the picture with the shape of `size`, as a view."""
    height, width = picture.shape[:2]
    scale = min(height / size[0], width / size[1])
    part = min(height, max(1, round(size[0] * scale))), min(width, max(1, round(size[1] * scale)))
    top, left = (height - part[0]) // 2, (width - part[1]) // 2
    return picture[top : top + part[0], left : left + part[1]]


def pad(picture: Picture, size: Size) -> Picture:
    """The whole picture, centred, with black on two sides."""
    height, width = picture.shape[:2]
    scale = min(size[0] / height, size[1] / width)
    part = min(size[0], max(1, round(height * scale))), min(size[1], max(1, round(width * scale)))
    whole = np.zeros((*size, 3), np.uint8)
    top, left = (size[0] - part[0]) // 2, (size[1] - part[1]) // 2
    whole[top : top + part[0], left : left + part[1]] = resize(picture, part)
    return whole


def resize(picture: Picture, size: Size) -> Picture:
    """The "area" resize: halve while both sides are at least twice the target, then one INTER_AREA to the target.

    A side that must grow grows last, with INTER_LINEAR. Halving first is several times as fast as one INTER_AREA
    from a camera frame, hardly aliases, and gives the same bytes on x86 and arm64 for cropped camera frames; at odd
    sizes about one byte in a thousand differs by 1, where an exact half is rounded.
    """
    height, width = picture.shape[:2]
    while height >= 2 * size[0] and width >= 2 * size[1]:
        height, width = height // 2, width // 2
        picture = _resized(picture, (height, width), cv2.INTER_AREA)
    shrunk = min(height, size[0]), min(width, size[1])
    if shrunk != (height, width):
        picture = _resized(picture, shrunk, cv2.INTER_AREA)
    if shrunk != size:
        picture = _resized(picture, size, cv2.INTER_LINEAR)
    return picture


def _resized(picture: Picture, size: Size, interpolation: int) -> Picture:
    return cast(Picture, cv2.resize(picture, size[::-1], interpolation=interpolation))


def encode_png(picture: Picture) -> bytes:
    """PNG bytes that decode to the same picture."""
    return bytes(cv2.imencode(".png", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))[1])


def encode_jpeg(picture: Picture, quality: int) -> bytes:
    return bytes(cv2.imencode(".jpg", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, quality])[1])
