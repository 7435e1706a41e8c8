"""Reads what OpenCV overlooks in image files, with the standard library.

EXIF orientation: OpenCV applies it to JPEG, PNG and TIFF, to WebP only since version 5, and never to AVIF (which has
boxes for it). Alpha: OpenCV multiplies a TIFF's pixels by it if the file says they aren't yet.

Sources: TIFF 6.0, section 2, which EXIF shares; RFC 9649 (WebP); ISO/IEC 14496-12 and 23008-12 (the boxes of AVIF).
"""

from collections.abc import Iterator
from typing import NamedTuple

from device.images import tiff

ORIENTATION, EXTRA_SAMPLES = 0x0112, 0x0152
UNASSOCIATED_ALPHA = 2


class Orientation(NamedTuple):
    """quarters: rotations by 90 degrees, counterclockwise. flipped: along which axis then: 0 swaps top and bottom,
    1 left and right, None neither.
    """

    quarters: int = 0
    flipped: int | None = None


UPRIGHT = Orientation()
BY_TAG = {
    2: Orientation(0, 1),
    3: Orientation(2),
    4: Orientation(0, 0),
    5: Orientation(1, 0),
    6: Orientation(3),
    7: Orientation(3, 0),
    8: Orientation(1),
}


def of(data: bytes) -> Orientation | None:
    """How to rotate a WebP or AVIF upright; None for other formats, which OpenCV rotates itself."""
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return _of_webp(data)
    if data[4:8] == b"ftyp":
        return _of_boxes(data)
    return None


def of_jpeg(segment: bytes) -> Orientation | None:
    """How OpenCV rotates a JPEG by an APP1 segment; None if it isn't EXIF. Sizes are before rotation."""
    if not segment.startswith(b"Exif\0\0"):
        return None
    return BY_TAG.get(_short(segment[6:], ORIENTATION), UPRIGHT)


def _of_webp(data: bytes) -> Orientation:
    position = 12
    while position + 8 <= len(data):
        size = int.from_bytes(data[position + 4 : position + 8], "little")
        if data[position : position + 4] == b"EXIF":
            exif = data[position + 8 : position + 8 + size].removeprefix(b"Exif\0\0")
            return BY_TAG.get(_short(exif, ORIENTATION), UPRIGHT)
        position += 8 + size + size % 2
    return UPRIGHT


def _of_boxes(data: bytes) -> Orientation:
    quarters, flipped = 0, None
    for meta in _boxes(data, b"meta"):
        for properties in _boxes(meta[4:], b"iprp"):
            for container in _boxes(properties, b"ipco"):
                quarters = next((box[0] & 3 for box in _boxes(container, b"irot") if box), 0)
                flipped = next((box[0] & 1 for box in _boxes(container, b"imir") if box), None)
    return Orientation(quarters, flipped)


def _boxes(data: bytes, kind: bytes) -> Iterator[bytes]:
    """The contents of all boxes of a kind, in order."""
    position = 0
    while position + 8 <= len(data):
        size = int.from_bytes(data[position : position + 4], "big")
        if size < 8:  # up to the file's end, or a 64-bit size: no box that we need
            return
        if data[position + 4 : position + 8] == kind:
            yield data[position + 8 : position + size]
        position += size


def without_alpha(data: bytes) -> bytes:
    """A TIFF whose fourth sample is no longer marked as alpha, so that OpenCV doesn't multiply by it; else `data`."""
    place = tiff.place_of_short(data, EXTRA_SAMPLES)
    if place is None or _short(data, EXTRA_SAMPLES) != UNASSOCIATED_ALPHA:
        return data
    return data[:place] + b"\0\0" + data[place + 2 :]


def _short(data: bytes, tag: int) -> int:
    place = tiff.place_of_short(data, tag)
    return 0 if place is None else int.from_bytes(data[place : place + 2], tiff.order(data))
