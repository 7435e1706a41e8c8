"""The image path: what every format decodes to, and what is refused. Where pixels go: test_resizing.py."""

import json
import os
import subprocess
import sys
import zlib
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from PIL import Image, features

from device.errors import UserError
from device.images import images
from tests.conftest import ROOT, Run, environment, model
from tests.device import decoding
from tests.device.image_files import (
    FILES,
    GIF,
    JPEG,
    LOSSLESS,
    MANY,
    NEGATIVE,
    ORIGINAL,
    REDUCED,
    by_pillow,
    encoded,
    largest_difference,
    with_alpha,
)
from tests.limits import limits

HAS_AVIF = bool(features.check("avif")) and cv2.haveImageWriter("image.avif")
needs_avif = pytest.mark.skipif(not HAS_AVIF, reason="this Pillow or OpenCV has no AVIF")


@pytest.mark.parametrize("name", LOSSLESS)
def test_lossless_files_decode_to_what_was_drawn(name: str) -> None:
    image = images.decode(LOSSLESS[name])
    assert image.dtype == np.uint8
    assert np.array_equal(image, ORIGINAL)


@pytest.mark.parametrize("name", [*REDUCED, *GIF])
def test_fewer_colors_become_rgb(name: str) -> None:
    image = images.decode(FILES[name])
    assert image.shape == ORIGINAL.shape
    assert np.array_equal(image, by_pillow(FILES[name]))


@pytest.mark.parametrize("name", JPEG)
def test_lossy_files_decode_as_pillow_does(name: str) -> None:
    image = images.decode(JPEG[name])
    assert largest_difference(image, by_pillow(JPEG[name])) <= 2
    if "gray" not in name:  # and so the colors are in the right order
        assert np.abs(image.astype(int) - ORIGINAL).mean() < 8


def test_an_animation_gives_its_first_frame() -> None:
    image = images.decode(GIF["animated.gif"])
    assert largest_difference(image, ORIGINAL) < 16 < largest_difference(image, NEGATIVE)


@needs_avif
def test_avif_decodes_as_pillow_has_it() -> None:
    data = encoded(with_alpha(), "AVIF", quality=95)
    assert largest_difference(images.decode(data), by_pillow(data)) <= 2
    assert not decoding.halves(data, images.decode(data))


@pytest.mark.parametrize(
    ("suffix", "channels"),
    [(".png", 1), (".png", 3), (".png", 4), (".tiff", 1), (".tiff", 3), (".tiff", 4), (".pgm", 1), (".ppm", 3)],
)
def test_16_bits_become_8(suffix: str, channels: int) -> None:
    deep = np.random.default_rng(1).integers(0, 2**16, (20, 30, channels)).astype(np.uint16)
    data = cv2.imencode(suffix, deep)[1].tobytes()
    expected = np.broadcast_to(deep[..., :3][..., ::-1] / 257, (20, 30, 3))  # OpenCV wrote BGR
    assert np.abs(images.decode(data) - expected).max() <= 1


def test_one_pixel_and_a_very_wide_image() -> None:
    pixel = np.array([[[10, 20, 200]]], np.uint8)
    wide = np.random.default_rng(2).integers(0, 256, (3, 20_000, 3), np.uint8)
    for image in (pixel, wide):
        for format in ("PNG", "BMP", "TIFF", "PPM"):
            assert np.array_equal(images.decode(encoded(image, format)), image)
    assert images.preprocess(wide, (28, 28)).shape == (28, 28, 3)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize(
    ("format", "options"),
    [
        ("JPEG", {"quality": 95}),
        ("PNG", {}),
        ("WEBP", {"lossless": True}),
        ("WEBP", {"lossless": True, "icc_profile": bytes(131)}),  # a part of odd length before the EXIF
        ("TIFF", {}),
        pytest.param("AVIF", {"quality": 95}, marks=needs_avif),
    ],
)
def test_exif_orientation_is_applied_once(format: str, options: dict[str, Any], orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    key = {"tiffinfo": {0x0112: orientation}} if format == "TIFF" else {"exif": exif}
    data = encoded(ORIGINAL, format, **options, **key)
    expected = by_pillow(data)
    assert expected.shape == ((80, 60, 3) if orientation > 4 else (60, 80, 3))  # Pillow did turn it
    assert largest_difference(images.decode(data), expected) <= 2


def test_an_unknown_orientation_leaves_the_image_as_it_is() -> None:
    exif = Image.Exif()
    exif[0x0112] = 9
    for format, options in (("PNG", {}), ("WEBP", {"lossless": True})):
        assert np.array_equal(images.decode(encoded(ORIGINAL, format, exif=exif, **options)), ORIGINAL)


@pytest.mark.parametrize("name", FILES)
def test_a_cut_off_file_never_gives_half_an_image(name: str) -> None:
    data = FILES[name]
    assert not decoding.halves(data, images.decode(data))
    if name not in MANY:
        with pytest.raises(ValueError, match=r"truncated|decoded"):
            images.decode(data[: len(data) * 9 // 10])


def test_the_end_of_a_thumbnail_is_not_the_end_of_the_image() -> None:
    thumbnail = encoded(Image.fromarray(ORIGINAL).resize((20, 15)), "JPEG")
    exif = b"Exif\0\0II*\0\x08\0\0\0\0\0\0\0\0\0" + thumbnail
    segment = b"\xff\xe1" + (len(exif) + 2).to_bytes(2, "big") + exif
    plain = JPEG["plain.jpg"]
    data = plain[:2] + segment + plain[2:]
    whole = images.decode(data)
    assert np.array_equal(whole, images.decode(plain))
    assert [cut for cut in range(1, len(data)) if decoding.decoded(data[:cut]) is not None] == []


def test_a_film_behind_a_jpeg_is_passed_over() -> None:
    """Telephones append one ('motion photo'); its bytes hold marks by chance, here a last scan that never ends."""
    film = b"\0\0\0\x18ftypmp42" + bytes(1000) + b"\xff\xda" + bytes(1000)
    for name in ("plain.jpg", "progressive.jpg", "restarts.jpg"):
        assert np.array_equal(images.decode(JPEG[name] + film), images.decode(JPEG[name]))


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "file is empty"),
        (b"These are words, not an image.\n" * 20, "expected JPEG, PNG"),
        (b"\xff\xd8", "truncated"),
        (b"\x89PNG\r\n\x1a\n", "truncated"),
        (b"GIF89a", "decoded"),
        (b"II*\0\xff\xff\xff\xff", "decoded"),
        (b"MM\0*\0\0\0\x08\xff\xff", "decoded"),
        (b"\0\0\0\x1cftypavif" + bytes(16), "decoded"),
        (b"RIFF\x04\0\0\0WEBP", "decoded"),
        (bytes(5000), "decoded"),
    ],
)
def test_what_is_no_image_is_refused(data: bytes, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        images.decode(data)


def png_that_claims(height: int, width: int) -> bytes:
    def chunk(kind: bytes, content: bytes) -> bytes:
        return len(content).to_bytes(4, "big") + kind + content + zlib.crc32(kind + content).to_bytes(4, "big")

    header = width.to_bytes(4, "big") + height.to_bytes(4, "big") + b"\x08\x02\0\0\0"
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(100))) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


def test_more_pixels_than_a_board_can_hold_are_refused_by_the_header(command: Run, tmp_path: Path) -> None:
    """In a process of its own: OpenCV reads its limit when it is imported, which device.images.images does."""
    side = 12_000
    assert side * side > images.MAX_PIXELS
    jpeg = JPEG["plain.jpg"]
    size = jpeg.index(b"\xff\xc0") + 5
    (tmp_path / "large.png").write_bytes(png_that_claims(side, side))
    (tmp_path / "large.jpg").write_bytes(jpeg[:size] + (60_000).to_bytes(2, "big") * 2 + jpeg[size + 4 :])
    done = command("device", "classify", model("int8"), "large.png", "large.jpg")
    assert done.returncode == 2
    assert done.stderr.splitlines() == [
        f"error: large.{suffix}: the image has more than {images.MAX_PIXELS} pixels; make it smaller"
        for suffix in ("png", "jpg")
    ] + ["error: 2 of 2 images could not be read; the others were classified"]


@pytest.mark.parametrize("first", ["cv2", "device.inference.preprocess", "device.images.images"])
def test_they_are_refused_whatever_is_imported_first(tmp_path: Path, first: str) -> None:
    """A program that uses OpenCV itself imports it before us, and OpenCV's limit is eight times as high then."""
    (tmp_path / "large.png").write_bytes(png_that_claims(12_000, 12_000))
    code = f"import {first}; from device.images import images; images.read(__import__('pathlib').Path('large.png'))"
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].endswith(f" {images.MAX_PIXELS} pixels; make it smaller")


def test_a_file_of_too_many_bytes_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    limits(monkeypatch, images, MAX_FILE_BYTES=1000)
    path = tmp_path / "large.bmp"
    path.write_bytes(LOSSLESS["plain.bmp"])
    with pytest.raises(UserError, match=r"large\.bmp: more than 1000 bytes"):
        images.read(path)


def test_read_names_the_file(tmp_path: Path) -> None:
    (tmp_path / "words.png").write_text("words")
    (tmp_path / "good.png").write_bytes(LOSSLESS["plain.png"])
    assert np.array_equal(images.read(tmp_path / "good.png"), ORIGINAL)
    for name, reason in (
        ("words.png", "not an image that can be decoded"),
        ("none.png", "No such file"),
        ("", "Is a directory"),
    ):
        with pytest.raises(UserError, match=reason) as raised:
            images.read(tmp_path / name)
        assert str(raised.value).startswith(f"{tmp_path / name}: ")


def test_an_older_opencv_decodes_the_same(tmp_path: Path) -> None:
    """The board with tflite-runtime has OpenCV 4.11 and numpy 1: the same images, the same refusals."""
    python = environment("tflite-runtime")
    exif = Image.Exif()
    exif[0x0112] = 6
    turned = {
        "turned.webp": encoded(ORIGINAL, "WEBP", lossless=True, exif=exif),
        "turned.jpg": encoded(ORIGINAL, "JPEG", exif=exif),
        "turned.png": encoded(ORIGINAL, "PNG", exif=exif),
        "turned.tiff": encoded(ORIGINAL, "TIFF", tiffinfo={0x0112: 6}),
    }
    files = {**FILES, **turned}
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
    done = subprocess.run(
        [python, "-m", "tests.device.decoding", tmp_path], cwd=ROOT, capture_output=True, text=True, check=True
    )
    answer = json.loads(done.stdout)
    assert set(answer["said"]) == set(files)
    for name, data in files.items():
        said = answer["said"][name]
        if name.endswith(".gif"):
            assert said == f"this OpenCV ({answer['opencv']}) has no GIF decoder; convert the image to PNG or JPEG"
            continue
        assert said == [], f"{name}: cut off at these lengths it decodes to another image"
        lossy = name in JPEG or name.endswith(".jpg")
        theirs = np.load(tmp_path / f"{name}.npy")
        assert largest_difference(theirs, images.decode(data)) <= (2 if lossy else 0), name


def test_png_round_trip_and_jpeg_quality() -> None:
    assert np.array_equal(images.decode(images.encode_png(ORIGINAL)), ORIGINAL)
    fine, coarse = images.encode_jpeg(ORIGINAL, 95), images.encode_jpeg(ORIGINAL, 30)
    assert len(coarse) < len(fine)
    error = [np.abs(images.decode(data).astype(int) - ORIGINAL).mean() for data in (fine, coarse)]
    assert error[0] < error[1] < 20
