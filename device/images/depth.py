"""Scales or refuses image files whose samples don't span 0..255 or 0..65535, as OpenCV assumes.

OpenCV divides 16-bit samples by 256 and keeps 8-bit ones. So a camera's 12 bits in a 16-bit file come out nearly black,
and so does a PNM whose largest value is not the largest that its bytes can hold.
"""

import re

import numpy as np
import numpy.typing as npt

from device.images import tiff

# If the largest 16-bit sample is below it, the samples have at most 14 bits, or the image is too dark.
LEAST_16_BIT = 2**14
# Netpbm's header: P2, P3 (text), P5, P6 (bytes); width, height, largest value, with comments between.
PNM = re.compile(rb"P([2356])(?:\s|#[^\n]*\n)+(\d+)(?:\s|#[^\n]*\n)+(\d+)(?:\s|#[^\n]*\n)+(\d{1,5})\s")
# BMP: the compression that has masks, and the masks that OpenCV reads correctly (red, green, blue; 32 and 16 bits).
BITFIELDS = b"\3\0\0\0"
BMP_MASKS = tuple(
    b"".join(mask.to_bytes(4, "little") for mask in masks)
    for masks in ((0xFF0000, 0xFF00, 0xFF), (0xF800, 0x7E0, 0x1F), (0x7C00, 0x3E0, 0x1F))
)
PNG = b"\x89PNG\r\n\x1a\n"


def largest_of_pnm(data: bytes) -> int | None:
    """A PNM's value of white, if OpenCV assumes another one; else None.

    Source: https://netpbm.sourceforge.net/doc/ppm.html
    """
    largest = _largest(data)
    return None if largest in (None, 0, 255, 65535) else largest


def _largest(data: bytes) -> int | None:
    """The largest value, from a PNM's header; None for other files."""
    found = PNM.match(data[:10_000]) if data[:1] == b"P" else None
    return int(found[4]) if found else None


def is_deep(data: bytes) -> bool:
    """Whether its samples have 16 bits."""
    if data[:8] == PNG:
        return data[24:25] == b"\x10"
    if data[:4] in tiff.MARKS:
        return 16 in tiff.directory(data).get(tiff.BITS_PER_SAMPLE, ())
    return (_largest(data) or 0) > 255


def refusal(data: bytes) -> str | None:
    """Why samples don't span 0..255, by the header; None if they do."""
    if data[:3] in (b"Pf\n", b"PF\n"):
        return "the image's samples are floating-point numbers (PFM), expected 8 or 16 bits; save it as PNG"
    if data[:2] == b"BM" and data[30:34] == BITFIELDS and data[54:66] not in BMP_MASKS:
        return "the order of the BMP's color masks is not supported; save it as PNG"
    if data[:4] in tiff.MARKS and tiff.SIGNED in tiff.directory(data).get(tiff.SAMPLE_FORMAT, ()):
        return "the image's samples are signed numbers, expected 0..255 or 0..65535; save it with 8 bits a sample"
    return None


def refusal_of_deep(samples: npt.NDArray[np.uint16]) -> str | None:
    """Why 16-bit samples don't span 0..65535; None if they do."""
    largest = int(samples.max())
    if not 0 < largest < LEAST_16_BIT:
        return None
    bits = max(8, largest.bit_length())
    return (
        f"its 16-bit samples reach only {largest} of 65535, which is nearly black: it has {bits} bits in a 16-bit file,"
        " or is far too dark; scale them to the whole range, or save the image with 8 bits per sample"
    )


def scaled(samples: npt.NDArray[np.uint8] | npt.NDArray[np.uint16], largest: int) -> npt.NDArray[np.uint8]:
    """Samples 0..largest as 0..255, rounded."""
    table = np.arange(largest + 1, dtype=np.float64) * (255 / largest)
    values: npt.NDArray[np.uint8] = np.rint(table).astype(np.uint8)[np.minimum(samples, largest)]
    return values
