"""The picture path: what every format decodes to, what is refused, where each pixel of a resized picture is from."""

import io
import json
import subprocess
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image, ImageOps, features

from device import pictures
from device.errors import UserError
from tests import drawing
from tests.conftest import ROOT, Run, environment, model
from tests.device import decoding

Array = npt.NDArray[np.uint8]

ORIGINAL = drawing.shapes(1, 3, (60, 80))[0][1]
NEGATIVE = 255 - ORIGINAL
ALPHA = np.random.default_rng(0).integers(0, 256, ORIGINAL.shape[:2], np.uint8)
HAS_AVIF = bool(features.check("avif")) and cv2.haveImageWriter("picture.avif")
needs_avif = pytest.mark.skipif(not HAS_AVIF, reason="this Pillow or OpenCV has no AVIF")


def encoded(picture: Image.Image | Array, format: str, **options: Any) -> bytes:
    """A picture file made by Pillow."""
    image = picture if isinstance(picture, Image.Image) else Image.fromarray(picture)
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
# Files of fewer colours: compared with what Pillow makes of them.
REDUCED = {
    "grey.png": encoded(in_mode("L"), "PNG"),
    "grey.pgm": encoded(in_mode("L"), "PPM"),
    "grey.bmp": encoded(in_mode("L"), "BMP"),
    "grey.tiff": encoded(in_mode("L"), "TIFF"),
    "grey_alpha.png": encoded(in_mode("LA"), "PNG"),
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
    "grey.jpg": encoded(in_mode("L"), "JPEG", quality=95),
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
# Behind their first picture lies another: a cut there may leave the first one whole.
MANY = ("animated.png", "animated.webp", "animated.gif", "pages.tiff")


@pytest.mark.parametrize("name", LOSSLESS)
def test_lossless_files_decode_to_what_was_drawn(name: str) -> None:
    picture = pictures.decode(LOSSLESS[name])
    assert picture.dtype == np.uint8
    assert np.array_equal(picture, ORIGINAL)


@pytest.mark.parametrize("name", [*REDUCED, *GIF])
def test_fewer_colours_become_rgb(name: str) -> None:
    picture = pictures.decode(FILES[name])
    assert picture.shape == ORIGINAL.shape
    assert np.array_equal(picture, by_pillow(FILES[name]))


@pytest.mark.parametrize("name", JPEG)
def test_lossy_files_decode_as_pillow_does(name: str) -> None:
    picture = pictures.decode(JPEG[name])
    assert largest_difference(picture, by_pillow(JPEG[name])) <= 2
    if "grey" not in name:  # and so the colours are in the right order
        assert np.abs(picture.astype(int) - ORIGINAL).mean() < 8


def test_an_animation_gives_its_first_frame() -> None:
    picture = pictures.decode(GIF["animated.gif"])
    assert largest_difference(picture, ORIGINAL) < 16 < largest_difference(picture, NEGATIVE)


@needs_avif
def test_avif() -> None:
    data = encoded(with_alpha(), "AVIF", quality=95)
    assert largest_difference(pictures.decode(data), by_pillow(data)) <= 2
    assert not decoding.halves(data, pictures.decode(data))


@pytest.mark.parametrize(
    ("suffix", "channels"),
    [(".png", 1), (".png", 3), (".png", 4), (".tiff", 1), (".tiff", 3), (".tiff", 4), (".pgm", 1), (".ppm", 3)],
)
def test_16_bits_become_8(suffix: str, channels: int) -> None:
    deep = np.random.default_rng(1).integers(0, 2**16, (20, 30, channels)).astype(np.uint16)
    data = cv2.imencode(suffix, deep)[1].tobytes()
    expected = np.broadcast_to(deep[..., :3][..., ::-1] / 257, (20, 30, 3))  # OpenCV wrote BGR
    assert np.abs(pictures.decode(data) - expected).max() <= 1


def test_one_pixel_and_a_very_wide_picture() -> None:
    pixel = np.array([[[10, 20, 200]]], np.uint8)
    wide = np.random.default_rng(2).integers(0, 256, (3, 20_000, 3), np.uint8)
    for picture in (pixel, wide):
        for format in ("PNG", "BMP", "TIFF", "PPM"):
            assert np.array_equal(pictures.decode(encoded(picture, format)), picture)
    assert pictures.prepare(wide, (28, 28)).shape == (28, 28, 3)


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
    assert largest_difference(pictures.decode(data), expected) <= 2


def test_an_unknown_orientation_leaves_the_picture_as_it_is() -> None:
    exif = Image.Exif()
    exif[0x0112] = 9
    for format, options in (("PNG", {}), ("WEBP", {"lossless": True})):
        assert np.array_equal(pictures.decode(encoded(ORIGINAL, format, exif=exif, **options)), ORIGINAL)


@pytest.mark.parametrize("name", FILES)
def test_a_cut_off_file_never_gives_half_a_picture(name: str) -> None:
    data = FILES[name]
    assert not decoding.halves(data, pictures.decode(data))
    if name not in MANY:
        with pytest.raises(ValueError, match=r"truncated|decoded"):
            pictures.decode(data[: len(data) * 9 // 10])


def test_the_end_of_a_thumbnail_is_not_the_end_of_the_picture() -> None:
    thumbnail = encoded(Image.fromarray(ORIGINAL).resize((20, 15)), "JPEG")
    exif = b"Exif\0\0II*\0\x08\0\0\0\0\0\0\0\0\0" + thumbnail
    segment = b"\xff\xe1" + (len(exif) + 2).to_bytes(2, "big") + exif
    plain = JPEG["plain.jpg"]
    data = plain[:2] + segment + plain[2:]
    whole = pictures.decode(data)
    assert np.array_equal(whole, pictures.decode(plain))
    assert [cut for cut in range(1, len(data)) if decoding.decoded(data[:cut]) is not None] == []


def test_a_film_behind_a_jpeg_is_passed_over() -> None:
    """Telephones append one ('motion photo'); its bytes hold marks by chance, here a last scan that never ends."""
    film = b"\0\0\0\x18ftypmp42" + bytes(1000) + b"\xff\xda" + bytes(1000)
    for name in ("plain.jpg", "progressive.jpg", "restarts.jpg"):
        assert np.array_equal(pictures.decode(JPEG[name] + film), pictures.decode(JPEG[name]))


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "the file is empty, expected a picture"),
        (b"These are words, not a picture.\n" * 20, "not a picture that can be decoded; expected JPEG, PNG"),
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
def test_what_is_no_picture_is_refused(data: bytes, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        pictures.decode(data)


def png_that_claims(height: int, width: int) -> bytes:
    def chunk(kind: bytes, content: bytes) -> bytes:
        return len(content).to_bytes(4, "big") + kind + content + zlib.crc32(kind + content).to_bytes(4, "big")

    header = width.to_bytes(4, "big") + height.to_bytes(4, "big") + b"\x08\x02\0\0\0"
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(100))) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


def test_more_pixels_than_a_board_can_hold_are_refused_by_the_header(command: Run, tmp_path: Path) -> None:
    """In a process of its own: OpenCV reads its limit when it is imported, which device.pictures does."""
    side = 12_000
    assert side * side > pictures.MAX_PIXELS
    jpeg = JPEG["plain.jpg"]
    size = jpeg.index(b"\xff\xc0") + 5
    (tmp_path / "large.png").write_bytes(png_that_claims(side, side))
    (tmp_path / "large.jpg").write_bytes(jpeg[:size] + (60_000).to_bytes(2, "big") * 2 + jpeg[size + 4 :])
    done = command("device", "classify", model("int8"), "large.png", "large.jpg")
    assert done.returncode == 2
    assert done.stderr.splitlines() == [
        f"error: large.{suffix}: the picture has more than {pictures.MAX_PIXELS} pixels; make it smaller"
        for suffix in ("png", "jpg")
    ] + ["error: 2 of 2 pictures could not be read; the others were answered"]


def test_a_file_of_too_many_bytes_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pictures, "MAX_FILE_BYTES", 1000)
    path = tmp_path / "large.bmp"
    path.write_bytes(LOSSLESS["plain.bmp"])
    with pytest.raises(UserError, match=r"large\.bmp: more than 1000 bytes"):
        pictures.read(path)


def test_read_names_the_file(tmp_path: Path) -> None:
    (tmp_path / "words.png").write_text("words")
    (tmp_path / "good.png").write_bytes(LOSSLESS["plain.png"])
    assert np.array_equal(pictures.read(tmp_path / "good.png"), ORIGINAL)
    for name, reason in (("words.png", "not a picture"), ("none.png", "No such file"), ("", "Is a directory")):
        with pytest.raises(UserError, match=reason) as raised:
            pictures.read(tmp_path / name)
        assert str(raised.value).startswith(f"{tmp_path / name}: ")


def test_an_older_opencv_decodes_the_same(tmp_path: Path) -> None:
    """The board with tflite-runtime has OpenCV 4.11 and numpy 1: the same pictures, the same refusals."""
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
            assert said == f"this OpenCV ({answer['opencv']}) has no GIF decoder; convert the picture to PNG or JPEG"
            continue
        assert said == [], f"{name}: cut off at these lengths it decodes to another picture"
        lossy = name in JPEG or name.endswith(".jpg")
        theirs = np.load(tmp_path / f"{name}.npy")
        assert largest_difference(theirs, pictures.decode(data)) <= (2 if lossy else 0), name


def test_png_round_trip_and_jpeg_quality() -> None:
    assert np.array_equal(pictures.decode(pictures.encode_png(ORIGINAL)), ORIGINAL)
    fine, coarse = pictures.encode_jpeg(ORIGINAL, 95), pictures.encode_jpeg(ORIGINAL, 30)
    assert len(coarse) < len(fine)
    error = [np.abs(pictures.decode(data).astype(int) - ORIGINAL).mean() for data in (fine, coarse)]
    assert error[0] < error[1] < 20


# Geometry, by hand. crop: the part of the picture's rows and columns; pad: the part of the result that is picture.


@pytest.mark.parametrize(
    ("picture", "size", "rows", "columns"),
    [
        ((100, 200), (50, 50), (0, 100), (50, 150)),
        ((200, 100), (50, 50), (50, 150), (0, 100)),
        ((101, 200), (50, 50), (0, 101), (49, 150)),
        ((60, 80), (16, 32), (10, 50), (0, 80)),
        ((60, 80), (32, 16), (0, 60), (25, 55)),
        ((24, 30), (16, 16), (0, 24), (3, 27)),
        ((3, 1000), (28, 28), (0, 3), (498, 501)),
        ((1, 5), (1, 100), (0, 1), (0, 5)),
        ((1, 1), (28, 28), (0, 1), (0, 1)),
        ((7, 9), (7, 9), (0, 7), (0, 9)),
    ],
)
def test_crop_takes_the_largest_centred_part(
    picture: tuple[int, int], size: tuple[int, int], rows: tuple[int, int], columns: tuple[int, int]
) -> None:
    whole = np.random.default_rng(3).integers(0, 256, (*picture, 3), np.uint8)
    part = pictures.crop(whole, size)
    assert np.array_equal(part, whole[slice(*rows), slice(*columns)])
    assert np.shares_memory(part, whole)


@pytest.mark.parametrize(
    ("picture", "size", "rows", "columns"),
    [
        ((100, 200), (50, 50), (12, 37), (0, 50)),
        ((200, 100), (50, 50), (0, 50), (12, 37)),
        ((60, 80), (16, 16), (2, 14), (0, 16)),
        ((10, 10), (20, 30), (0, 20), (5, 25)),
        ((1, 1000), (28, 28), (13, 14), (0, 28)),
        ((7, 9), (7, 9), (0, 7), (0, 9)),
    ],
)
def test_pad_shows_the_whole_picture_with_black_beside_it(
    picture: tuple[int, int], size: tuple[int, int], rows: tuple[int, int], columns: tuple[int, int]
) -> None:
    white = np.full((*picture, 3), 255, np.uint8)
    expected = np.zeros((*size, 3), np.uint8)
    expected[slice(*rows), slice(*columns)] = 255
    assert np.array_equal(pictures.pad(white, size), expected)


def test_stretch_changes_the_shape_and_loses_nothing() -> None:
    halves = np.zeros((40, 80, 3), np.uint8)
    halves[:, 40:] = (200, 100, 50)
    assert np.array_equal(pictures.prepare(halves, (8, 8), "stretch")[:, 4:], np.full((8, 4, 3), (200, 100, 50)))
    assert pictures.prepare(halves, (8, 8), "stretch")[:, :4].max() == 0
    assert pictures.prepare(halves, (8, 8), "crop")[:, 4:].min() == 50
    assert pictures.prepare(halves, (8, 8), "pad")[:2].max() == 0


def test_halving_is_the_rounded_mean_of_four() -> None:
    picture = np.random.default_rng(4).integers(0, 256, (64, 96, 3), np.uint8)

    def halved(whole: Array) -> Array:
        four = sum(whole[i::2, j::2].astype(int) for i in (0, 1) for j in (0, 1))
        return ((np.asarray(four) + 2) // 4).astype(np.uint8)

    assert np.array_equal(pictures.resize(picture, (32, 48)), halved(picture))
    assert np.array_equal(pictures.resize(picture, (16, 24)), halved(halved(picture)))


def by_the_description(picture: Array, height: int, width: int) -> Array:
    """design.md: halve with INTER_AREA while both sides are at least twice the target, one INTER_AREA, then grow."""

    def to(h: int, w: int, how: int) -> Callable[[Array], Array]:
        return lambda before: np.asarray(cv2.resize(before, (w, h), interpolation=how), np.uint8)

    h, w = picture.shape[:2]
    steps = []
    while min(h / height, w / width) >= 2:
        h, w = h // 2, w // 2
        steps.append(to(h, w, cv2.INTER_AREA))
    if h > height or w > width:
        h, w = min(h, height), min(w, width)
        steps.append(to(h, w, cv2.INTER_AREA))
    if (h, w) != (height, width):
        steps.append(to(height, width, cv2.INTER_LINEAR))
    for step in steps:
        picture = step(picture)
    return picture


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ((720, 1280), (224, 224)),
        ((720, 720), (32, 32)),
        ((375, 500), (96, 96)),
        ((101, 77), (13, 31)),
        ((57, 113), (28, 28)),
        ((63, 63), (32, 32)),  # one short of twice: no halving
        ((64, 64), (32, 32)),
        ((64, 100), (32, 32)),
        ((20, 30), (50, 61)),  # grows
        ((1, 1), (5, 3)),
        ((100, 10), (30, 40)),  # one side shrinks, the other grows
        ((10, 100), (40, 30)),
        ((28, 56), (28, 28)),
        ((28, 28), (28, 28)),
    ],
)
def test_resize_follows_its_description(before: tuple[int, int], after: tuple[int, int]) -> None:
    picture = np.random.default_rng(5).integers(0, 256, (*before, 3), np.uint8)
    assert np.array_equal(pictures.resize(picture, after), by_the_description(picture, *after))


def test_sides_that_only_grow_keep_their_corners() -> None:
    corners = np.array([[[0, 0, 0], [255, 0, 0]], [[0, 255, 0], [0, 0, 255]]], np.uint8)
    grown = pictures.resize(corners, (9, 9))
    for row, column in ((0, 0), (0, -1), (-1, 0), (-1, -1)):
        assert np.array_equal(grown[row, column], corners[row, column])


def test_any_size_becomes_exactly_the_size_that_is_asked() -> None:
    random = np.random.default_rng(6)
    for _ in range(150):
        before, after = random.integers(1, 200, 2), random.integers(1, 90, 2)
        size = int(after[0]), int(after[1])
        low, high = sorted(random.integers(0, 256, 2))
        picture = random.integers(low, high + 1, (*before, 3)).astype(np.uint8)
        untouched = picture.copy()
        flat = np.full((*before, 3), (low, high, 77), np.uint8)
        for fit in ("crop", "stretch", "pad"):
            result = pictures.prepare(picture, size, fit)  # type: ignore[arg-type]
            assert result.shape == (*size, 3) and result.dtype == np.uint8, (before, size, fit)
            assert result.max() <= high and (fit == "pad" or result.min() >= low), (before, size, fit)
        for fit in ("crop", "stretch"):
            constant = pictures.prepare(flat, size, fit)  # type: ignore[arg-type]
            assert np.array_equal(constant, np.full((*size, 3), (low, high, 77))), (before, size, fit)
        assert np.array_equal(picture, untouched)
