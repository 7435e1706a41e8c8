"""Reads a JPEG's marks: the positions of its parts, its size, its end, its restart marks.

Source: ITU-T T.81 (https://www.w3.org/Graphics/JPEG/itu-t81.pdf), annexes B and C.
"""

import re
from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple

# A mark with a segment: not a stuffed zero, a restart, or one of the marks without a segment.
MARK = re.compile(rb"\xff[\x02-\xcf\xd9-\xfe]")
RESTART = re.compile(rb"\xff([\xd0-\xd7])")
START = b"\xff\xd8"
HUFFMAN_TABLES, END, SCAN, RESTART_INTERVAL, APP1 = 0xC4, 0xD9, 0xDA, 0xDD, 0xE1
BASELINE, EXTENDED, PROGRESSIVE = 0xC0, 0xC1, 0xC2


class Part(NamedTuple):
    """A mark, the start of its segment (at its length), and the position of the next mark."""

    mark: int
    start: int
    end: int


class Component(NamedTuple):
    """A color component of the frame: its number, and its blocks across and down in a minimum coded unit."""

    number: int
    across: int
    down: int


class JpegFrame(NamedTuple):
    """The frame header: the kind of JPEG (its mark), height and width, the components."""

    mark: int
    height: int
    width: int
    components: tuple[Component, ...]

    @property
    def unit(self) -> tuple[int, int]:
        """Height and width in pixels of a minimum coded unit of an interleaved scan."""
        return 8 * max(c.down for c in self.components), 8 * max(c.across for c in self.components)

    @property
    def units(self) -> int:
        """How many minimum coded units cover the image."""
        down, across = self.unit
        return -(-self.height // down) * -(-self.width // across)


def marks(data: bytes) -> Iterator[tuple[int, int]]:
    """Each mark up to the image's end, and the start of its segment."""
    position = 2
    while found := MARK.search(data, position):
        mark, start = data[found.end() - 1], found.end()
        yield mark, start
        if mark == END:
            return
        position = start + int.from_bytes(data[start : start + 2], "big")


def exif(data: bytes) -> bytes | None:
    """The EXIF segment (APP1) before the image; None if there is none."""
    if data[:2] != START:
        return None
    for mark, start in marks(data):
        if mark == APP1 and data[start + 2 : start + 6] == b"Exif":
            return data[start + 2 : start + int.from_bytes(data[start : start + 2], "big")]
        if mark == SCAN:
            break
    return None


def has_restarts(data: bytes) -> bool:
    """Whether the header announces restart marks; reads only the header."""
    return next((mark for mark, _ in marks(data) if mark in (RESTART_INTERVAL, SCAN)), SCAN) == RESTART_INTERVAL


def end(data: bytes) -> int | None:
    """The position after the image's own end mark, not a thumbnail's or an appended video's; None if it is missing."""
    return next((start for mark, start in marks(data) if mark == END), None)


def parts(data: bytes) -> list[Part]:
    """Every part up to the image's end."""
    found = list(marks(data))
    return [Part(mark, start, then - 2) for (mark, start), (_, then) in pairwise(found)]


def frame(data: bytes) -> JpegFrame | None:
    """The first frame header; None if there is none, and for kinds that are hardly ever written."""
    for mark, start in marks(data):
        if mark in (BASELINE, EXTENDED, PROGRESSIVE):
            header = data[start : start + int.from_bytes(data[start : start + 2], "big")]
            if len(header) < 8 or len(header) < 8 + 3 * header[7]:
                return None
            triples = [header[8 + 3 * i : 11 + 3 * i] for i in range(header[7])]
            components = tuple(Component(n, max(1, hv >> 4), max(1, hv & 15)) for n, hv, _ in triples)
            height, width = int.from_bytes(header[3:5], "big"), int.from_bytes(header[5:7], "big")
            return JpegFrame(mark, height, width, components) if components else None
    return None


def size(data: bytes) -> tuple[int, int] | None:
    """(height, width) from the frame header; None if it isn't a JPEG."""
    if data[:2] != START:
        return None
    header = frame(data)
    return None if header is None else (header.height, header.width)
