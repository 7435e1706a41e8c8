"""Files of full length with a hole in them are refused; odd files that are whole are not."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from PIL import Image, ImageDraw

from device.images import images
from tests import drawing
from tests.conftest import Run, model
from tests.device.image_files import FILES, encoded


def photograph() -> Image.Image:
    """Smooth shapes with a camera's noise, which no encoder makes short."""
    noise = np.random.default_rng(3).normal(0, 9, (240, 320, 3))
    return Image.fromarray(np.clip(drawing.shapes(1, 5, (240, 320))[0][1] * 0.8 + 20 + noise, 1, 254).astype(np.uint8))


WAYS: dict[str, tuple[str, dict[str, Any]]] = {
    "jpeg": ("JPEG", {"quality": 85}),
    "optimized jpeg": ("JPEG", {"quality": 85, "optimize": True}),
    "progressive jpeg": ("JPEG", {"quality": 85, "progressive": True}),
    "jpeg with restarts": ("JPEG", {"quality": 85, "restart_marker_rows": 1}),
    "png": ("PNG", {}),
    "bmp": ("BMP", {}),
    "webp": ("WEBP", {"quality": 80}),
    "lossless webp": ("WEBP", {"lossless": True}),
    "tiff": ("TIFF", {}),
    "lzw tiff": ("TIFF", {"compression": "tiff_lzw"}),
    "deflate tiff": ("TIFF", {"compression": "tiff_deflate"}),
    "packbits tiff": ("TIFF", {"compression": "packbits"}),
    "jpeg tiff": ("TIFF", {"compression": "jpeg"}),
    "ppm": ("PPM", {}),
    "gif": ("GIF", {}),
}


def without(data: bytes, start: float, end: float, byte: int) -> bytes:
    """The file with that share of it overwritten: what a card or a broken download leaves."""
    first, last = int(start * len(data)), int(end * len(data))
    return data[:first] + bytes([byte]) * (last - first) + data[last:]


@pytest.mark.parametrize("way", WAYS)
def test_a_file_whose_second_half_is_zeros_is_refused(way: str) -> None:
    format, options = WAYS[way]
    data = encoded(photograph(), format, **options)
    images.decode(data)
    with pytest.raises(ValueError, match=r"damaged|truncated|decoded"):
        images.decode(without(data, 0.5, 1, 0))


@pytest.mark.parametrize("byte", [0, 255])
@pytest.mark.parametrize("way", [way for way in WAYS if way not in ("lossless webp", "progressive jpeg")])
def test_a_hole_in_the_middle_is_refused(way: str, byte: int) -> None:
    format, options = WAYS[way]
    with pytest.raises(ValueError, match=r"damaged|truncated|decoded"):
        images.decode(without(encoded(photograph(), format, **options), 0.4, 0.6, byte))


def test_a_jpeg_that_lacks_a_stretch_is_refused() -> None:
    """Its end is there, so the decoder paints what is missing gray, and says nothing."""
    for way in ("jpeg", "jpeg with restarts"):
        format, options = WAYS[way]
        data = encoded(photograph(), format, **options)
        with pytest.raises(ValueError, match="damaged"):
            images.decode(data[: len(data) * 2 // 5] + data[len(data) * 3 // 5 :])


def test_a_turned_jpeg_is_looked_at_as_it_is_stored() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    data = encoded(photograph(), "JPEG", quality=85, exif=exif)
    assert images.decode(data).shape == (320, 240, 3)
    with pytest.raises(ValueError, match="damaged"):
        images.decode(data[: len(data) * 2 // 5] + data[len(data) * 3 // 5 :])


def drawings() -> Iterator[Image.Image]:
    """Flat, black, white and gray ones: what a hole looks like, but meant so."""
    random = np.random.default_rng(1)
    for color in ((0, 0, 0), (255, 255, 255), (128, 128, 128), (200, 10, 20)):
        yield Image.new("RGB", (1024, 512), color)
        for _ in range(6):
            width, height = (int(side) for side in random.integers(30, 250, 2))
            image = Image.new("RGB", (width, height), color)
            draw = ImageDraw.Draw(image)
            left, right = sorted(int(x) for x in random.integers(-20, width + 20, 2))
            top, bottom = sorted(int(y) for y in random.integers(-20, height + 20, 2))
            other = tuple(int(part) for part in random.choice([0, 128, 255, 77], 3))
            (draw.ellipse, draw.rectangle)[random.integers(2)]([left, top, right, bottom], fill=other)
            draw.line([left, bottom, right, top], fill=other, width=3)
            draw.text((left, top), "framelite", fill=color)
            yield image
    for top, bottom in ((60, 60), (0, 90), (90, 0)):  # a film's black bars
        barred = np.asarray(photograph()).copy()
        barred[:top] = 0
        barred[len(barred) - bottom :] = 0
        yield Image.fromarray(barred)


@pytest.mark.long
@pytest.mark.parametrize("way", WAYS)
def test_what_was_drawn_black_white_or_gray_is_whole(way: str) -> None:
    format, options = WAYS[way]
    for image in drawings():
        images.decode(encoded(image, format, **options))
        if format != "WEBP":
            images.decode(encoded(image.convert("L"), format, **options))


def test_gray_that_was_drawn_at_the_end_of_a_jpeg_is_whole() -> None:
    for size in ((64, 64), (250, 130)):
        image = Image.new("RGB", size, (128, 128, 128))
        ImageDraw.Draw(image).ellipse([5, 5, 40, 40], fill=(200, 30, 30))
        assert (images.decode(encoded(image, "JPEG", quality=95))[-1, -1] == 128).all()


def test_every_kind_of_file_is_whole() -> None:
    for data in FILES.values():
        images.decode(data)


def test_classify_names_the_damaged_file_and_goes_on(command: Run, tmp_path: Path) -> None:
    folder = tmp_path / "card"
    folder.mkdir()
    data = encoded(photograph(), "JPEG", quality=85)
    (folder / "good.jpg").write_bytes(data)
    (folder / "hole.jpg").write_bytes(without(data, 0.4, 0.6, 0))
    done = command("device", "classify", model("int8"), "card")
    assert done.returncode == 2
    assert "hole.jpg" in done.stderr and "damaged" in done.stderr and "Traceback" not in done.stderr
    assert len(done.stdout.splitlines()) == 1


def test_a_live_frame_with_a_hole_is_refused_too() -> None:
    data = encoded(photograph(), "JPEG", quality=85)
    with pytest.raises(ValueError, match="damaged"):
        images.decode_frame(without(data, 0.4, 0.6, 0))
    assert images.decode_frame(data)[0].shape == (240, 320, 3)
    assert cv2.imdecode(np.frombuffer(without(data, 0.4, 0.6, 0), np.uint8), cv2.IMREAD_COLOR) is not None
