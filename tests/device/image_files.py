"""One drawn image in every format and mode that cameras, telephones and programs write, made by Pillow."""

import io
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps

from tests import drawing

Array = npt.NDArray[np.uint8]

ORIGINAL = drawing.shapes(1, 3, (60, 80))[0][1]
NEGATIVE = 255 - ORIGINAL
ALPHA = np.random.default_rng(0).integers(0, 256, ORIGINAL.shape[:2], np.uint8)


def encoded(pixels: Image.Image | Array, format: str, **options: Any) -> bytes:
    """An image file made by Pillow."""
    image = pixels if isinstance(pixels, Image.Image) else Image.fromarray(pixels)
    file = io.BytesIO()
    image.save(file, format, **options)
    return file.getvalue()


def by_pillow(data: bytes) -> Array:
    """The oracle: the first frame, upright, as RGB."""
    with Image.open(io.BytesIO(data)) as image:
        return np.asarray(ImageOps.exif_transpose(image).convert("RGB"))


def in_mode(mode: str) -> Image.Image:
    return Image.fromarray(ORIGINAL).convert(mode)


def with_alpha() -> Image.Image:
    image = Image.fromarray(ORIGINAL)
    image.putalpha(Image.fromarray(ALPHA))
    return image


def largest_difference(one: Array, other: Array) -> int:
    assert one.shape == other.shape
    return int(np.abs(one.astype(int) - other).max())


ANIMATED: dict[str, Any] = {"save_all": True, "append_images": [Image.fromarray(NEGATIVE)], "duration": 100}

# Files whose every pixel comes back as it was drawn.
LOSSLESS = {
    "plain.png": encoded(ORIGINAL, "PNG"),
    "plain.bmp": encoded(ORIGINAL, "BMP"),
    "plain.webp": encoded(ORIGINAL, "WEBP", lossless=True),
    "plain.ppm": encoded(ORIGINAL, "PPM"),
    "plain.tiff": encoded(ORIGINAL, "TIFF"),
    "lzw.tiff": encoded(ORIGINAL, "TIFF", compression="tiff_lzw"),
    "deflate.tiff": encoded(ORIGINAL, "TIFF", compression="tiff_deflate"),
    "alpha.png": encoded(with_alpha(), "PNG"),
    "alpha.webp": encoded(with_alpha(), "WEBP", lossless=True, exact=True),
    "alpha.tiff": encoded(with_alpha(), "TIFF"),
    "alpha_deflate.tiff": encoded(with_alpha(), "TIFF", compression="tiff_deflate"),
    "alpha.bmp": encoded(with_alpha(), "BMP"),
    "animated.png": encoded(ORIGINAL, "PNG", **ANIMATED),
    "animated.webp": encoded(ORIGINAL, "WEBP", lossless=True, **ANIMATED),
    "pages.tiff": encoded(ORIGINAL, "TIFF", **ANIMATED),
}
# Files of fewer colors: compared with what Pillow makes of them.
REDUCED = {
    "gray.png": encoded(in_mode("L"), "PNG"),
    "gray.pgm": encoded(in_mode("L"), "PPM"),
    "gray.bmp": encoded(in_mode("L"), "BMP"),
    "gray.tiff": encoded(in_mode("L"), "TIFF"),
    "gray_alpha.png": encoded(in_mode("LA"), "PNG"),
    "palette.png": encoded(in_mode("P"), "PNG"),
    "palette.bmp": encoded(in_mode("P"), "BMP"),
    "palette.tiff": encoded(in_mode("P"), "TIFF"),
    "bits.png": encoded(in_mode("1"), "PNG"),
    "bits.bmp": encoded(in_mode("1"), "BMP"),
    "bits.tiff": encoded(in_mode("1"), "TIFF", compression="group4"),
    "cmyk.tiff": encoded(in_mode("CMYK"), "TIFF"),
}
JPEG = {
    "plain.jpg": encoded(ORIGINAL, "JPEG", quality=95),
    "full_color.jpg": encoded(ORIGINAL, "JPEG", quality=95, subsampling=0),
    "progressive.jpg": encoded(ORIGINAL, "JPEG", quality=90, progressive=True),
    "restarts.jpg": encoded(ORIGINAL, "JPEG", quality=90, restart_marker_rows=1),
    "gray.jpg": encoded(in_mode("L"), "JPEG", quality=95),
    "cmyk.jpg": encoded(in_mode("CMYK"), "JPEG", quality=95),
    "lossy.webp": encoded(ORIGINAL, "WEBP", quality=90),
    "jpeg.tiff": encoded(ORIGINAL, "TIFF", compression="jpeg"),
}
GIF = {
    "plain.gif": encoded(ORIGINAL, "GIF"),
    "animated.gif": encoded(ORIGINAL, "GIF", **ANIMATED),
    "transparent.gif": encoded(in_mode("P"), "GIF"),
}
FILES = {**LOSSLESS, **REDUCED, **JPEG, **GIF}
# Behind their first image lies another: a cut there may leave the first one whole.
MANY = ("animated.png", "animated.webp", "animated.gif", "pages.tiff")
