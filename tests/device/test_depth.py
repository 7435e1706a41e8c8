"""Samples that OpenCV takes for darker than they are: scaled where the file says how, refused where it doesn't."""

from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from device.images import images
from tests.conftest import Run, model
from tests.device.image_files import encoded

SHARES = np.stack([np.add.outer(np.arange(60), np.arange(80)) / 138] * 3, axis=2)


def samples(largest: int) -> npt.NDArray[np.uint16]:
    return np.rint(SHARES * largest).astype(np.uint16)


@pytest.mark.parametrize("suffix", [".png", ".tiff", ".ppm"])
@pytest.mark.parametrize("bits", [8, 10, 12, 14])
def test_fewer_bits_in_a_16_bit_file_are_refused_and_named(suffix: str, bits: int) -> None:
    with pytest.raises(ValueError, match=rf"{2**bits - 1} of 65535.*{bits} bits"):
        images.decode(cv2.imencode(suffix, samples(2**bits - 1))[1].tobytes())


def test_12_bits_from_a_microscope_are_one_line_of_an_error(command: Run, tmp_path: Path) -> None:
    Image.fromarray(samples(4095)[..., 0]).save(tmp_path / "cells.png")
    done = command("device", "classify", model("int8"), "cells.png")
    assert done.returncode == 2 and done.stdout == ""
    assert done.stderr.startswith("error: cells.png: ") and len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize("suffix", [".png", ".tiff", ".ppm"])
def test_the_whole_range_of_16_bits_and_black_stay(suffix: str) -> None:
    whole = images.decode(cv2.imencode(suffix, samples(65535))[1].tobytes())
    assert np.abs(whole - 255 * SHARES).max() <= 1
    black = np.zeros((20, 30, 3), np.uint16)
    assert not images.decode(cv2.imencode(suffix, black)[1].tobytes()).any()


@pytest.mark.parametrize("largest", [15, 100, 1023, 4095, 16383])
def test_a_pnm_says_what_it_means_by_white(largest: int) -> None:
    kind = ">u2" if largest > 255 else "u1"
    for magic, pixels in (("P6", samples(largest)), ("P5", samples(largest)[..., 0])):
        data = f"{magic} # a comment\n80 60\n{largest}\n".encode() + pixels.astype(kind).tobytes()
        assert np.abs(images.decode(data) - pixels.reshape(60, 80, -1) * (255 / largest)).max() <= 0.5


def test_8_bits_in_a_pnm_stay_as_they_are() -> None:
    original = np.rint(255 * SHARES).astype(np.uint8)
    assert np.array_equal(images.decode(encoded(original, "PPM")), original)


def test_a_bmp_whose_masks_are_in_another_order_is_refused() -> None:
    """OpenCV takes red for blue in it."""
    header = b"BM" + (66 + 64).to_bytes(4, "little") + bytes(4) + (66).to_bytes(4, "little")
    info = b"".join(n.to_bytes(4, "little") for n in (40, 4, 4)) + b"\1\0\x20\0\3\0\0\0" + bytes(20)
    masks = {"rgb": (0xFF, 0xFF00, 0xFF0000), "bgr": (0xFF0000, 0xFF00, 0xFF)}
    files = {
        name: header + info + b"".join(mask.to_bytes(4, "little") for mask in three) + b"\x0a\x14\x1e\0" * 16
        for name, three in masks.items()
    }
    assert (images.decode(files["bgr"]) == (30, 20, 10)).all()
    with pytest.raises(ValueError, match="masks"):
        images.decode(files["rgb"])


def test_signed_and_floating_samples_are_refused() -> None:
    signed = encoded(Image.fromarray((SHARES[..., 0] * 1000).astype(np.int32)), "TIFF")
    with pytest.raises(ValueError, match="signed"):
        images.decode(signed)
    with pytest.raises(ValueError, match="floating-point"):
        images.decode(cv2.imencode(".pfm", SHARES.astype(np.float32))[1].tobytes())
