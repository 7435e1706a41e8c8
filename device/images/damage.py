"""Detects image files of full length with a hole: zeros or ones that a bad copy, card or download left.

OpenCV silently decodes such files to half an image. PNG, GIF and AVIF notice it themselves. For the others, each check
looks for something that no encoder writes:

JPEG, WebP   a run of equal bytes that would mean more flat image than there is; restart marks out of order; an end
             in gray, which the decoder paints where data is missing
TIFF         a strip whose checksum is wrong (deflate), or a run of equal bytes that its compression never makes
BMP, PPM, TIFF without compression: black (or white) that begins or ends in the middle of a row, on its own

These checks can't see foreign bytes in a file, which decode to noise.
"""

import math
import zlib
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from device.images import jpeg, tiff

Image = npt.NDArray[np.uint8]

HOLE = "the image is damaged: there are {} bytes of {} in place of its data; copy it again, or leave it out"
BROKEN_OFF = "the image is damaged: its data ends before the image does; copy it again, or leave it out"

# No encoder wrote so many equal bytes in a row for flat, striped and dotted images of 64 to 4096 pixels.
SHORTEST_RUN = 32
SHORTEST_STRIP_RUN = 16
# In a WebP's flat areas a zero byte stands for at least so many pixels: 470 is the fewest seen for lossy, and a
# lossless pixel takes up to four codes of one bit.
LOSSY_PIXELS, LOSSLESS_PIXELS = 100, 2
# A lossless WebP with so many bytes per pixel is no flat drawing, so such a share of zeros at its end is damage.
BUSY, TAIL = 0.25, 0.25
REFINING_BITS = 2048
GRAY = 128  # what libjpeg paints where a scan ends too early
END_BYTES = 32  # of a scan to examine if the image ends in gray; a flat block takes at least two bits


def of_bytes(data: bytes) -> str | None:
    """Why the file can't be whole, by its bytes alone; None if it may be."""
    try:
        return _of_kind(data)
    except (IndexError, KeyError, ValueError):  # a malformed header: the decoder reports it
        return None


def _of_kind(data: bytes) -> str | None:
    if data[:2] == jpeg.START:
        return _of_jpeg(data)
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return _of_webp(data)
    if data[:4] in tiff.MARKS:
        return _of_tiff(data)
    return None


def is_suspect(data: bytes, image: Image) -> bool:
    """Whether to call `of_pixels`: examines a few pixels, and clears nearly all images."""
    if data[:2] == jpeg.START:
        return any(image.item(y, x, 1) == GRAY for y in (0, -1) for x in (0, -1))  # it may have been turned
    return _is_plain(data) and any(_has_lines(image, value) for value in (0, 255))


def of_pixels(data: bytes, image: Image) -> str | None:
    """Why the file can't be whole, by the decoded image as stored (orientation not applied); None if it may be."""
    if data[:2] == jpeg.START:
        return BROKEN_OFF if _ends_in_gray(data, image) else None
    return _cut_in_a_row(image[::-1] if data[:2] == b"BM" else image)


def _is_plain(data: bytes) -> bool:
    """Whether the file holds uncompressed pixels, row by row."""
    if data[:2] == b"BM":
        return data[30:34] in (bytes(4), b"\3\0\0\0")  # BI_RGB, BI_BITFIELDS
    return data[:2] in (b"P5", b"P6") or (data[:4] in tiff.MARKS and tiff.is_plain(tiff.directory(data)))


def _has_lines(image: Image, value: int) -> bool:
    """Whether a whole row or column has that value; looks at their middles first."""
    height, width = image.shape[:2]
    rows = np.flatnonzero((image[:, width // 2] == value).all(axis=1))
    columns = np.flatnonzero((image[height // 2] == value).all(axis=1))
    return any((image[row] == value).all() for row in rows) or any((image[:, x] == value).all() for x in columns)


def _runs(data: bytes, start: int, end: int, shortest: int) -> Iterator[tuple[int, int]]:
    """(byte, length) of each run of zeros or of 0xff that is at least so long."""
    for byte in (b"\0", b"\xff"):
        position = data.find(byte * shortest, start, end)
        while position >= 0:
            length = end - position - len(data[position:end].lstrip(byte))
            yield byte[0], length
            position = data.find(byte * shortest, position + length, end)


def _hole(length: int, byte: int) -> str:
    return HOLE.format(length, f"0x{byte:02x}")


def _of_jpeg(data: bytes) -> str | None:
    # Nearly every file is cleared before it is parsed: a run shows in two successive sixteenth bytes.
    sample = data[:: SHORTEST_RUN // 2]
    may_have_run = b"\0\0" in sample or b"\xff\xff" in sample
    if not may_have_run and not jpeg.has_restarts(data):
        return None
    header, parts = jpeg.frame(data), jpeg.parts(data)
    if header is None:
        return None
    zero_codes = _zero_codes(data, parts)
    for part in parts:
        if part.mark == jpeg.SCAN:
            start = part.start + int.from_bytes(data[part.start : part.start + 2], "big")
            for byte, length in _runs(data, start, part.end, SHORTEST_RUN):
                if byte or 8 * (length - 1) > _most_zero_bits(data, part, header, zero_codes):
                    return _hole(length, byte)
    return _of_restarts(data, parts)


def _zero_codes(data: bytes, parts: list[jpeg.Part]) -> dict[int, tuple[int, int]]:
    """(bits, symbol) of each Huffman table's first code, which is all zeros (T.81, C.2), by class and number.

    If a table is defined again, the shortest such code counts.
    """
    found: dict[int, tuple[int, int]] = {}
    for part in parts:
        position = part.start + 2
        while part.mark == jpeg.HUFFMAN_TABLES and position + 17 < part.end:
            table, counts = data[position], data[position + 1 : position + 17]
            bits = next((i for i, count in enumerate(counts, 1) if count), 0)
            symbol = data[position + 17]
            if table not in found or symbol == 0 or bits < found[table][0]:
                found[table] = bits, symbol
            position += 17 + sum(counts)
    return found


def _most_zero_bits(data: bytes, scan: jpeg.Part, header: jpeg.JpegFrame, codes: dict[int, tuple[int, int]]) -> float:
    """How many zero bits in a row can be flat image in this scan; 0 if zero bits never are.

    A flat block is 'no change' and 'end of block'. Zero bits mean that only if both are the tables' first symbols, and
    only for as many blocks as the image has. A progressive JPEG's refining scans have a bit for each existing
    coefficient, up to a thousand between two codes.
    """
    count = data[scan.start + 2]
    pairs = [data[scan.start + 3 + 2 * i : scan.start + 5 + 2 * i] for i in range(count)]
    first, _, approximation = data[scan.start + 3 + 2 * count : scan.start + 6 + 2 * count]
    is_progressive = header.mark == jpeg.PROGRESSIVE
    is_refining = is_progressive and bool(approximation >> 4)
    components = {component.number: component for component in header.components}
    bits = 0.0
    for number, tables in pairs:
        kinds = [tables >> 4] if first == 0 else []
        if not is_progressive or first:
            kinds.append(0x10 | (tables & 15))
        known = [(1, 0)] if is_refining and first == 0 else [codes.get(kind, (1, 0)) for kind in kinds]
        if is_refining and first:
            return math.inf if _is_flat(known[0][1], True) else REFINING_BITS
        if not all(_is_flat(symbol, is_progressive) for _, symbol in known):
            return 0.0
        blocks = components[number].across * components[number].down * header.units
        bits += blocks * sum(length for length, _ in known)
    return bits


def _is_flat(symbol: int, is_progressive: bool) -> bool:
    """'No change', 'end of block', or in a progressive JPEG the end of many."""
    return symbol == 0 or (is_progressive and symbol & 15 == 0 and symbol != 0xF0)


def _of_restarts(data: bytes, parts: list[jpeg.Part]) -> str | None:
    """Restart marks count from 0 to 7 repeatedly; if one is missing, the data around it is missing too."""
    interval = next((data[p.start + 2 : p.start + 4] for p in parts if p.mark == jpeg.RESTART_INTERVAL), b"")
    if not int.from_bytes(interval, "big"):
        return None
    for part in parts:
        if part.mark == jpeg.SCAN:
            numbers = [found[0] & 7 for found in jpeg.RESTART.findall(data, part.start, part.end)]
            if any(number != i % 8 for i, number in enumerate(numbers)):
                return BROKEN_OFF
    return None


def _ends_in_gray(data: bytes, image: Image) -> bool:
    """Whether the decoder painted the end: many gray units, though the scan's last bytes don't encode a flat image.

    Flat units repeat the same few bits. Progressive JPEGs, with their many scans, are not checked.
    """
    header = jpeg.frame(data)
    if header is None or header.mark == jpeg.PROGRESSIVE or (header.height, header.width) != image.shape[:2]:
        return False
    down, across = header.unit
    rows, columns = header.height // down, header.width // across
    units = image[: rows * down, : columns * across].reshape(rows, down, columns, across, 3)
    other = np.flatnonzero(~(units == GRAY).all(axis=(1, 3, 4)).ravel())
    last = [part for part in jpeg.parts(data) if part.mark == jpeg.SCAN][-1:]
    flat_bits = 2 * sum(component.across * component.down for component in header.components)
    if not last or flat_bits * (rows * columns - other.max(initial=-1) - 1) < 8 * END_BYTES:
        return False
    end = jpeg.RESTART.sub(b"", data[last[0].start : last[0].end])[-END_BYTES:]
    return len(set(end)) > END_BYTES // 2


def _of_webp(data: bytes) -> str | None:
    position = 12
    while position + 8 <= len(data):
        kind, length = data[position : position + 4], int.from_bytes(data[position + 4 : position + 8], "little")
        start, end = position + 8, min(len(data), position + 8 + length)
        if kind in (b"VP8 ", b"VP8L"):
            pixels = _webp_pixels(kind, data[start : start + 10])
            each = LOSSY_PIXELS if kind == b"VP8 " else LOSSLESS_PIXELS
            for byte, run in _runs(data, start, end, SHORTEST_RUN):
                is_tail = run > TAIL * length > TAIL * BUSY * pixels and data[end - run : end] == bytes(run)
                if byte or run * each > pixels or is_tail:
                    return _hole(run, byte)
        position = end + length % 2
    return None


def _webp_pixels(kind: bytes, header: bytes) -> int:
    """The number of pixels: RFC 9649, sections 2.5 and 2.6, with 14 bits for each side."""
    if kind == b"VP8 ":
        return (int.from_bytes(header[6:8], "little") & 0x3FFF) * (int.from_bytes(header[8:10], "little") & 0x3FFF)
    sides = int.from_bytes(header[1:5], "little")
    return ((sides & 0x3FFF) + 1) * ((sides >> 14 & 0x3FFF) + 1)


def _of_tiff(data: bytes) -> str | None:
    tags = tiff.directory(data)
    compression = tags.get(tiff.COMPRESSION, (tiff.NONE,))[0]
    for start, end in tiff.strips(tags, len(data)):
        if compression in tiff.DEFLATE:
            if not _inflates(data[start:end]):
                return BROKEN_OFF
        elif compression in tiff.BY_CODES:
            for byte, length in _runs(data, start, end, SHORTEST_STRIP_RUN):
                return _hole(length, byte)
    return None


def _inflates(strip: bytes) -> bool:
    """Whether the strip's checksum is right; decompresses a megabyte at a time."""
    stream = zlib.decompressobj()
    try:
        while strip and not stream.eof:
            stream.decompress(strip, 2**20)
            strip = stream.unconsumed_tail
    except zlib.error:
        return False
    return stream.eof


def _cut_in_a_row(image: Image) -> str | None:
    """Finds black or white that is a stretch of the file rather than of the image, in pixels stored row by row."""
    for value in (0, 255):
        filled = (image == value).all(axis=2).ravel()
        if run := _run_alone(filled, image.shape[1]):
            return _hole(run * image.shape[2], value)
    return None


def _run_alone(filled: npt.NDArray[np.bool_], row: int) -> int:
    """The length of a run of at least two rows that begins or ends within a row, with hardly any other pixel filled and
    none in the adjacent row; 0 if there is none.

    Real objects have edges of their own: above a slanted edge, or beside an object, the adjacent row has some too.
    """
    edges = np.flatnonzero(np.diff(filled, prepend=False, append=False))
    most_others = 0.01 * len(filled)
    for start, end in zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True):
        if end - start < 2 * row or int(filled.sum()) - (end - start) > most_others:
            continue
        if start % row and start >= row and not filled[start - row : start].any():
            return int(end - start)
        if end % row and end + row <= len(filled) and not filled[end : end + row].any():
            return int(end - start)
    return 0
