"""Reads the first directory of a TIFF. Source: TIFF 6.0 (Adobe, 1992), section 2, and Adobe's deflate."""

from collections.abc import Iterator, Mapping
from typing import Literal, NamedTuple

MARKS = (b"II*\0", b"MM\0*")
BITS_PER_SAMPLE, COMPRESSION, STRIP_OFFSETS, STRIP_BYTES, SAMPLE_FORMAT = 258, 259, 273, 279, 339
NONE, DEFLATE = 1, (8, 32946)
BY_CODES = (5, 7, 32773)  # LZW, JPEG, PackBits
SIGNED = 2
BYTES_OF_TYPE = {1: 1, 3: 2, 4: 4}  # BYTE, SHORT, LONG
# More than any image has: a directory that claims more is damaged.
MAX_VALUES = 1_000_000

Tags = Mapping[int, tuple[int, ...]]


class Entry(NamedTuple):
    """A tag with integer values: how many, how many bytes each, and their position."""

    tag: int
    number: int
    width: int
    place: int


def order(data: bytes) -> Literal["little", "big"]:
    """The byte order of numbers."""
    return "big" if data[:2] == b"MM" else "little"


def entries(data: bytes) -> Iterator[Entry]:
    """Tags of the first directory whose values are in the file; none if it isn't a TIFF."""
    if data[:4] not in MARKS:
        return
    first = int.from_bytes(data[4:8], order(data))
    count = int.from_bytes(data[first : first + 2], order(data))
    for start in range(first + 2, min(first + 2 + 12 * count, len(data) - 11), 12):
        tag, kind = (int.from_bytes(data[start + i : start + i + 2], order(data)) for i in (0, 2))
        number = int.from_bytes(data[start + 4 : start + 8], order(data))
        width = BYTES_OF_TYPE.get(kind)
        if width is None or not 0 < number <= MAX_VALUES:
            continue
        inline = number * width <= 4
        place = start + 8 if inline else int.from_bytes(data[start + 8 : start + 12], order(data))
        if place + number * width <= len(data):
            yield Entry(tag, number, width, place)


def directory(data: bytes) -> dict[int, tuple[int, ...]]:
    """The integer values of the first directory, by tag."""
    return {
        tag: tuple(
            int.from_bytes(data[i : i + width], order(data)) for i in range(place, place + number * width, width)
        )
        for tag, number, width, place in entries(data)
    }


def place_of_short(data: bytes, tag: int) -> int | None:
    """The position of the value of a tag with one 16-bit number; None without such a tag."""
    return next((entry.place for entry in entries(data) if entry[:3] == (tag, 1, 2)), None)


def strips(tags: Tags, file_bytes: int) -> Iterator[tuple[int, int]]:
    """(first byte, byte after the last) of each strip that is in the file."""
    for start, length in zip(tags.get(STRIP_OFFSETS, ()), tags.get(STRIP_BYTES, ()), strict=False):
        if start + length <= file_bytes:
            yield start, start + length


def is_plain(tags: Tags) -> bool:
    """Whether the file holds uncompressed pixels, 8 bits per sample, row by row."""
    bits = set(tags.get(BITS_PER_SAMPLE, (1,)))
    return bits == {8} and tags.get(COMPRESSION, (NONE,))[0] == NONE and STRIP_OFFSETS in tags
