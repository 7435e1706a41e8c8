"""The first directory of a TIFF, by position. Source: TIFF 6.0 (Adobe, 1992), section 2, and Adobe's deflate."""

from collections.abc import Iterator, Mapping
from typing import Literal

MARKS = (b"II*\0", b"MM\0*")
BITS_PER_SAMPLE, COMPRESSION, STRIP_OFFSETS, STRIP_BYTES, SAMPLE_FORMAT = 258, 259, 273, 279, 339
NONE, DEFLATE = 1, (8, 32946)
BY_CODES = (5, 7, 32773)  # LZW, JPEG, PackBits
SIGNED = 2
BYTES_OF_TYPE = {1: 1, 3: 2, 4: 4}  # BYTE, SHORT, LONG
# Above what any image of ours has: a directory that claims more is damaged.
MAX_VALUES = 1_000_000

Tags = Mapping[int, tuple[int, ...]]


def directory(data: bytes) -> dict[int, tuple[int, ...]]:
    """The whole numbers of the first directory, by tag; what lies outside of the file is left out."""
    order: Literal["little", "big"] = "big" if data[:2] == b"MM" else "little"
    first = int.from_bytes(data[4:8], order)
    count = int.from_bytes(data[first : first + 2], order)
    tags = {}
    for entry in range(first + 2, min(first + 2 + 12 * count, len(data) - 11), 12):
        tag, kind = (int.from_bytes(data[entry + i : entry + i + 2], order) for i in (0, 2))
        number = int.from_bytes(data[entry + 4 : entry + 8], order)
        width = BYTES_OF_TYPE.get(kind)
        if width is None or not 0 < number <= MAX_VALUES:
            continue
        inline = number * width <= 4
        place = entry + 8 if inline else int.from_bytes(data[entry + 8 : entry + 12], order)
        if place + number * width <= len(data):
            values = range(place, place + number * width, width)
            tags[tag] = tuple(int.from_bytes(data[i : i + width], order) for i in values)
    return tags


def strips(tags: Tags, file_bytes: int) -> Iterator[tuple[int, int]]:
    """(first byte, the byte behind the last) of each strip that lies in the file."""
    for start, length in zip(tags.get(STRIP_OFFSETS, ()), tags.get(STRIP_BYTES, ()), strict=False):
        if start + length <= file_bytes:
            yield start, start + length


def is_plain(tags: Tags) -> bool:
    """Whether its pixels lie in the file as they are, 8 bits a sample, row by row."""
    bits = set(tags.get(BITS_PER_SAMPLE, (1,)))
    return bits == {8} and tags.get(COMPRESSION, (NONE,))[0] == NONE and STRIP_OFFSETS in tags
