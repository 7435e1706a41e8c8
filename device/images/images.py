"""The image path: bytes -> uint8 RGB image -> the network's size. No other module decodes or resizes.

An image is a uint8 array, height x width x 3, RGB. Sizes are (height, width). A change here changes what every trained
network sees, so all models must be exported again.

docs/images.md compares the time and error of this resize with alternatives.
"""

from pathlib import Path
from typing import Any, Literal, cast

import cv2
import numpy as np
import numpy.typing as npt

from device import MAX_IMAGE_PIXELS
from device.errors import ImageError
from device.images import damage, depth, jpeg, kinds, orientation
from device.model.card import Fit

# Larger images are refused, to protect a board's memory: by the header of a PNG or JPEG, by OpenCV for others.
MAX_PIXELS = MAX_IMAGE_PIXELS
TOO_LARGE = f"the image has more than {MAX_PIXELS} pixels; make it smaller"
Pixels = npt.NDArray[np.uint8]
Size = tuple[int, int]
Decoded = Literal["full", "1/2", "1/4", "1/8"]

MAX_FILE_BYTES = 2**28
# For a camera's frame, which anybody on the network may send: a progressive JPEG takes at least six bytes per pixel,
# and a flat one of a few kilobytes may have any size.
MAX_FRAME_PIXELS = 2**24
# The marks of a JPEG's frame header. No camera sends those that `jpeg.size` doesn't read (lossless, arithmetic).
FRAME_HEADERS = {*range(0xC0, 0xD0)} - {jpeg.HUFFMAN_TABLES, 0xC8, 0xCC}

# Reduced sizes of JPEG decoding: the share, the divisor of the sides, OpenCV's flag.
REDUCED: tuple[tuple[Decoded, int, int], ...] = (
    ("1/8", 8, cv2.IMREAD_REDUCED_COLOR_8),
    ("1/4", 4, cv2.IMREAD_REDUCED_COLOR_4),
    ("1/2", 2, cv2.IMREAD_REDUCED_COLOR_2),
)


def read(path: Path) -> Pixels:
    """Reads and decodes an image file; ImageError names the file if it can't be read or decoded."""
    try:
        with path.open("rb") as file:
            data = file.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        raise ImageError(f"{path}: the image can't be read ({error.strerror})") from None
    try:
        return decode(data)
    except ValueError as error:
        raise ImageError(f"{path}: {error}") from None


def decode(data: bytes) -> Pixels:
    """Decodes JPEG, PNG, BMP, WebP, GIF, TIFF, PPM or AVIF bytes to RGB.

    Applies the EXIF orientation, drops alpha, takes the first frame of an animation, and converts 16 bits to 8, and
    gray and palette to RGB. ValueError says why bytes can't be decoded.
    """
    if (size := _size_by_header(data)) and size[0] * size[1] > MAX_PIXELS:
        raise ValueError(TOO_LARGE)
    found = orientation.of(data)
    flags = cv2.IMREAD_COLOR | (0 if found is None else cv2.IMREAD_IGNORE_ORIENTATION)
    image = cv2.cvtColor(_decode(data, flags), cv2.COLOR_BGR2RGB)
    return upright(cast(Pixels, image), found or orientation.UPRIGHT)


def decode_frame(data: bytes, target: Size | None = None) -> tuple[Pixels, Decoded]:
    """Decodes one frame of a camera's MJPEG to BGR; its channels are reordered later, when it is small.

    Applies the EXIF orientation as `decode` does. With a target, decodes at a half, a quarter or an eighth of the
    sides, as long as the crop for the target stays at least twice as large: faster, but with other bytes than full
    decoding. ValueError as in `decode`, and for more than MAX_FRAME_PIXELS, checked before memory is allocated.
    """
    share: Decoded = "full"
    flag = cv2.IMREAD_COLOR
    size = _upright_size(data)
    if reason := _refusal_of_frame(data, size):
        raise ValueError(reason)
    if target is not None and size is not None:
        room = min(size[0] / target[0], size[1] / target[1])
        share, flag = next(((name, how) for name, by, how in REDUCED if room >= 2 * by), (share, flag))
    return _decode(data, flag), share


def _decode(data: bytes, flags: int) -> Pixels:
    """BGR; ValueError says why bytes can't be decoded."""
    if not data:
        raise ValueError("the file is empty, expected an image")
    if len(data) > MAX_FILE_BYTES:
        raise ValueError(f"more than {MAX_FILE_BYTES} bytes, expected an image file of at most that")
    if _is_truncated(data):
        raise ValueError("the image is truncated (its end is missing)")
    if reason := damage.of_bytes(data) or depth.refusal(data):
        raise ValueError(reason)
    data = orientation.without_alpha(data)
    largest = depth.largest_of_pnm(data)
    image = _by_opencv(data, flags if largest is None else flags | cv2.IMREAD_ANYDEPTH)
    if largest is not None:
        image = depth.scaled(image, largest)
    elif depth.is_deep(data) and (reason := depth.refusal_of_deep(_by_opencv(data, flags | cv2.IMREAD_ANYDEPTH))):
        raise ValueError(reason)
    if damage.is_suspect(data, image):
        as_stored = _by_opencv(data, cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION)
        if reason := damage.of_pixels(data, as_stored):
            raise ValueError(reason)
    return cast(Pixels, image)


def _by_opencv(data: bytes, flags: int) -> npt.NDArray[Any]:
    """Decodes with OpenCV, to BGR; ValueError if it can't."""
    try:
        image = cv2.imdecode(np.frombuffer(data, np.uint8), flags)
    except cv2.error as error:
        if "CV_IO_MAX_IMAGE" in str(error):
            raise ValueError(TOO_LARGE) from None
        image = None
    if image is None:
        raise ValueError(_why_not(data))
    if image.shape[0] * image.shape[1] > MAX_PIXELS:  # OpenCV's own limit, where it was imported before device
        raise ValueError(TOO_LARGE)
    return image


def _size_by_header(data: bytes) -> Size | None:
    """(height, width) of a PNG or JPEG; None for anything else."""
    if data[:8] == depth.PNG:
        return int.from_bytes(data[20:24], "big"), int.from_bytes(data[16:20], "big")
    return jpeg.size(data)


def _why_not(data: bytes) -> str:
    """Why OpenCV decodes nothing from bytes."""
    kind = kinds.kind(data[: kinds.HEAD_BYTES])
    # haveImageReader needs an existing file; an OpenCV that writes a format also reads it.
    if kind in (kinds.GIF, kinds.AVIF) and not cv2.haveImageWriter(f"image.{kind.name.lower()}"):
        return f"this OpenCV ({cv2.__version__}) has no {kind.name} decoder; convert the image to PNG or JPEG"
    if kind and kind.use == "undecodable":
        return f"this is {kinds.advice(kind)}"
    return "not an image that can be decoded; expected JPEG, PNG, BMP, WebP, GIF, TIFF, PPM or AVIF"


def _is_truncated(data: bytes) -> bool:
    """Whether the end of a JPEG, PNG or WebP is missing, which older OpenCV decode to half an image."""
    if data[:2] == jpeg.START:
        return jpeg.end(data) is None
    if data[:8] == depth.PNG:
        return not _png_ends(data)
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return int.from_bytes(data[4:8], "little") + 8 > len(data)
    return False


def _refusal_of_frame(data: bytes, size: Size | None) -> str | None:
    """Why not to decode a frame, by its header; None if nothing is wrong with it, or there is none."""
    # The first one counts for the decoder; it would reject a second one too late.
    kind = next((mark for mark, _ in jpeg.marks(data) if mark in FRAME_HEADERS), None)
    if size is not None and size[0] * size[1] > MAX_FRAME_PIXELS:
        found = f"a frame of {size[1]}x{size[0]} pixels, expected at most {MAX_FRAME_PIXELS} (such as 4096x4096)"
        return f"{found}; set a smaller image in the camera's settings"
    if kind is not None and (size is None or kind not in (jpeg.BASELINE, jpeg.EXTENDED, jpeg.PROGRESSIVE)):
        return f"a JPEG of a kind that no camera sends (frame header {kind:X}), expected baseline or progressive"
    return None


def _upright_size(data: bytes) -> Size | None:
    """(height, width) of a JPEG after orientation; None for anything else."""
    size, exif = jpeg.size(data), jpeg.exif(data)
    found = None if exif is None else orientation.of_jpeg(exif)
    return size[::-1] if size and found and found.quarters % 2 else size


def _png_ends(data: bytes) -> bool:
    """Whether its chunks lead to the last one. OpenCV allocates whatever a chunk claims, even gigabytes."""
    position = 8
    while position + 8 <= len(data):
        if data[position + 4 : position + 8] == b"IEND":
            return True
        position += 12 + int.from_bytes(data[position : position + 4], "big")
    return False


def upright(image: Pixels, found: orientation.Orientation) -> Pixels:
    """The image rotated and flipped by its orientation, uint8 [height, width, 3]; a copy unless it was upright."""
    if found == orientation.UPRIGHT:
        return image
    image = np.rot90(image, found.quarters)
    return np.ascontiguousarray(image if found.flipped is None else np.flip(image, found.flipped))


class Scratch:
    """Arrays for a resize to write into, reused for every frame, since allocating costs more than copying.

    An image made with it is valid until the next one is made.
    """

    def __init__(self) -> None:
        self._arrays: dict[tuple[int, ...], Pixels] = {}

    def array(self, size: Size, channels: int) -> Pixels:
        shape = (*size, channels)
        if shape not in self._arrays:
            self._arrays[shape] = np.empty(shape, np.uint8)
        return self._arrays[shape]


def preprocess(image: Pixels, size: Size, fit: Fit = "crop", scratch: Scratch | None = None) -> Pixels:
    """The image fitted and resized to the network's size (height, width), uint8 [height, width, 3].

    fit: "crop" takes the largest centered part with the target's shape; "stretch" changes the shape; "pad" keeps the
    whole image and adds black. The result may share memory with the argument.
    """
    if fit == "crop":
        return resize(crop(image, size), size, scratch)
    if fit == "stretch":
        return resize(image, size, scratch)
    return pad(image, size, scratch)


def crop(image: Pixels, size: Size) -> Pixels:
    """The largest centered part of the image with the shape of `size`, as a view."""
    height, width = image.shape[:2]
    scale = min(height / size[0], width / size[1])
    part = min(height, max(1, round(size[0] * scale))), min(width, max(1, round(size[1] * scale)))
    top, left = (height - part[0]) // 2, (width - part[1]) // 2
    return image[top : top + part[0], left : left + part[1]]


def pad(image: Pixels, size: Size, scratch: Scratch | None = None) -> Pixels:
    """The whole image, centered, with black on two sides."""
    height, width = image.shape[:2]
    scale = min(size[0] / height, size[1] / width)
    part = min(size[0], max(1, round(height * scale))), min(size[1], max(1, round(width * scale)))
    whole = np.zeros((*size, 3), np.uint8)
    top, left = (size[0] - part[0]) // 2, (size[1] - part[1]) // 2
    whole[top : top + part[0], left : left + part[1]] = resize(image, part, scratch)
    return whole


def resize(image: Pixels, size: Size, scratch: Scratch | None = None) -> Pixels:
    """The "area" resize: halves each side while it is at least twice the target, then takes one exact step.

    Halving takes the rounded mean of two or four pixels, and drops the last row or column of an odd side. The last
    step, by less than two or upward, is OpenCV's bilinear resize in integers (INTER_LINEAR_EXACT). All arithmetic is on
    integers, so every processor makes the same bytes. It is several times as fast as one INTER_AREA from a camera
    frame, skips no pixel, and hardly aliases.
    """
    height, width = image.shape[:2]
    while height >= 2 * size[0] or width >= 2 * size[1]:
        down, across = 1 + (height >= 2 * size[0]), 1 + (width >= 2 * size[1])
        height, width = height // down, width // across
        whole = image[: height * down, : width * across]
        into = scratch.array((height, width), 3) if scratch else None
        image = cast(Pixels, cv2.resize(whole, (width, height), dst=into, interpolation=cv2.INTER_AREA))
    return image if (height, width) == size else _exactly(image, size, scratch)


def _exactly(image: Pixels, size: Size, scratch: Scratch | None) -> Pixels:
    """Adds a fourth channel meanwhile: OpenCV processes four at once, but three one by one."""
    wide, small, into = (
        (scratch.array(image.shape[:2], 4), scratch.array(size, 4), scratch.array(size, 3))
        if scratch
        else (None, None, None)
    )
    four = cv2.cvtColor(image, cv2.COLOR_RGB2RGBA, dst=wide)
    made = cv2.resize(four, size[::-1], dst=small, interpolation=cv2.INTER_LINEAR_EXACT)
    return cast(Pixels, cv2.cvtColor(made, cv2.COLOR_RGBA2RGB, dst=into))


def encode_png(image: Pixels) -> bytes:
    """PNG bytes, which decode to the same image."""
    return bytes(cv2.imencode(".png", cv2.cvtColor(image, cv2.COLOR_RGB2BGR))[1])


def encode_jpeg(image: Pixels, quality: int) -> bytes:
    """A JPEG file of an RGB image; quality: 1 to 100, as libjpeg's."""
    return _jpeg(image, quality).tobytes()


def through_jpeg(image: Pixels, quality: int) -> Pixels:
    """The image after saving as JPEG. Skips the checks of `decode`, which take nine times as long as decoding."""
    saved = cast(Pixels, cv2.imdecode(_jpeg(image, quality), cv2.IMREAD_COLOR))
    return cast(Pixels, cv2.cvtColor(saved, cv2.COLOR_BGR2RGB))


def _jpeg(image: Pixels, quality: int) -> Pixels:
    bgr = cv2.cvtColor(image, cv2.COLOR_RGB2BGR)
    return np.asarray(cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, quality])[1], np.uint8)
