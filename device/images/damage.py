"""Image files of full length with a hole in them: what a copy, a card or a download left out is zeros there, or ones.

OpenCV decodes such files to half an image and says nothing. PNG, GIF and AVIF notice it themselves. For the others each
check asks for something that no encoder writes:

JPEG, WebP   a run of equal bytes that would stand for more flat image than there is; restart marks out of order; an end
             in the decoder's own gray, which it paints where data are missing
TIFF         a strip whose checksum is wrong (deflate), or a run of equal bytes that its compression never makes
BMP, PPM, TIFF without compression: black (or white) that begins or ends in the middle of a row, on its own

What these can't see: other people's bytes in the place of one's own, which decode to noise.
"""

import math
import zlib
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from device.images import jpeg, tiff

Image = npt.NDArray[np.uint8]

HOLE = "the image is damaged: {} bytes of {} stand where its data should be; copy it again, or leave it out"
BROKEN_OFF = "the image is damaged: its data end before the image does; copy it again, or leave it out"

# Equal bytes in a row that no encoder writes, by what was tried: flat, striped, dotted images of 64 to 4096 pixels.
SHORTEST_RUN = 32
SHORTEST_STRIP_RUN = 16
# A zero byte of a WebP that is flat image stands for so many pixels at the least: 470 lossy were the fewest seen, and
# lossless a pixel takes up to four codes of a bit.
LOSSY_PIXELS, LOSSLESS_PIXELS = 100, 2
# A lossless WebP of so many bytes a pixel is no flat drawing, so no such share of it is zeros at its end.
BUSY, TAIL = 0.25, 0.25
REFINING_BITS = 2048
GRAY = 128  # what libjpeg paints where a scan has ended too early
END_BYTES = 32  # of a scan, looked at where the image's end is gray; a flat block takes two bits at the least


def of_bytes(data: bytes) -> str | None:
    """Why the file can't be whole, by its bytes alone; None where nothing speaks against it."""
    try:
        return _of_kind(data)
    except (IndexError, KeyError, ValueError):  # a header that breaks its own rules: the decoder says so
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
    """Whether the decoded image asks for `of_pixels`: a look at few of its pixels, which lets nearly all go."""
    if data[:2] == jpeg.START:
        return any(image.item(y, x, 1) == GRAY for y in (0, -1) for x in (0, -1))  # it may have been turned
    return _is_plain(data) and any(_has_lines(image, value) for value in (0, 255))


def of_pixels(data: bytes, image: Image) -> str | None:
    """Why the file can't be whole, by what it decoded to (as it is stored: not turned by its orientation); or None."""
    if data[:2] == jpeg.START:
        return BROKEN_OFF if _ends_in_gray(data, image) else None
    return _cut_in_a_row(image[::-1] if data[:2] == b"BM" else image)


def _is_plain(data: bytes) -> bool:
    """Whether its pixels lie in the file as they are, row by row."""
    if data[:2] == b"BM":
        return data[30:34] in (bytes(4), b"\3\0\0\0")  # BI_RGB, BI_BITFIELDS
    return data[:2] in (b"P5", b"P6") or (data[:4] in tiff.MARKS and tiff.is_plain(tiff.directory(data)))


def _has_lines(image: Image, value: int) -> bool:
    """Whether a whole row or column is of that value; looked for in the middle of them first."""
    height, width = image.shape[:2]
    rows = np.flatnonzero((image[:, width // 2] == value).all(axis=1))
    columns = np.flatnonzero((image[height // 2] == value).all(axis=1))
    return any((image[row] == value).all() for row in rows) or any((image[:, x] == value).all() for x in columns)


def _runs(data: bytes, start: int, end: int, shortest: int) -> Iterator[tuple[int, int]]:
    """(byte, length) of the runs of zeros and of 0xff of that length or more."""
    for byte in (b"\0", b"\xff"):
        position = data.find(byte * shortest, start, end)
        while position >= 0:
            length = end - position - len(data[position:end].lstrip(byte))
            yield byte[0], length
            position = data.find(byte * shortest, position + length, end)


def _hole(length: int, byte: int) -> str:
    return HOLE.format(length, f"0x{byte:02x}")


def _of_jpeg(data: bytes) -> str | None:
    # Nearly every file is let go before anything in it is read: of a run each sixteenth byte is enough, twice.
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
    """For each Huffman table by its class and number: (bits, symbol) of its first code, which is all zeros (T.81, C.2).

    Of a table that is defined again the shortest such code counts.
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
    """How many zero bits in a row can be flat image in this scan; 0 where zero bits are never that.

    A flat block is 'no change' and 'end of block'. Zero bits are that only where both are the tables' first symbols,
    and then no more of them than the image has blocks. A progressive JPEG's refining scans have a bit for each number
    that is there already, a thousand between two codes.
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
    """Restart marks count 0 to 7 again and again; one that is missing went with what was around it."""
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
    """Whether the decoder painted the end: many gray units, while the scan's last bytes aren't those of a flat image.

    Flat units are the same few bits again and again; of a progressive JPEG, whose scans are many, nothing is said.
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
    """RFC 9649, sections 2.5 and 2.6: the sides have 14 bits each."""
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
    """Whether the strip's own checksum holds; a megabyte is in memory at a time."""
    stream = zlib.decompressobj()
    try:
        while strip and not stream.eof:
            stream.decompress(strip, 2**20)
            strip = stream.unconsumed_tail
    except zlib.error:
        return False
    return stream.eof


def _cut_in_a_row(image: Image) -> str | None:
    """Of pixels as they are stored, row by row: black or white that is a stretch of the file, not of the image."""
    for value in (0, 255):
        filled = (image == value).all(axis=2).ravel()
        if run := _run_alone(filled, image.shape[1]):
            return _hole(run * image.shape[2], value)
    return None


def _run_alone(filled: npt.NDArray[np.bool_], row: int) -> int:
    """The length of a run of two rows or more that begins or ends in the middle of one, with hardly another cell
    filled and none in the row beside it; 0 where there is none.

    What was drawn or seen has edges of its own: above a slanted edge, or beside an object, the next row has some too.
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
