"""Samples that OpenCV takes for darker than they are: scaled where the file says how, refused where it doesn't."""

from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from device import pictures
from tests.conftest import Run, model
from tests.device.picture_files import encoded

SHARES = np.stack([np.add.outer(np.arange(60), np.arange(80)) / 138] * 3, axis=2)


def samples(largest: int) -> npt.NDArray[np.uint16]:
    return np.rint(SHARES * largest).astype(np.uint16)


@pytest.mark.parametrize("suffix", [".png", ".tiff", ".ppm"])
@pytest.mark.parametrize("bits", [8, 10, 12, 14])
def test_fewer_bits_in_a_16_bit_file_are_refused_and_named(suffix: str, bits: int) -> None:
    with pytest.raises(ValueError, match=rf"{2**bits - 1} of 65535.*{bits} bits"):
        pictures.decode(cv2.imencode(suffix, samples(2**bits - 1))[1].tobytes())


def test_12_bits_from_a_microscope_are_one_line_of_an_error(command: Run, tmp_path: Path) -> None:
    Image.fromarray(samples(4095)[..., 0]).save(tmp_path / "cells.png")
    done = command("device", "classify", model("int8"), "cells.png")
    assert done.returncode == 2 and done.stdout == ""
    assert done.stderr.startswith("error: cells.png: ") and len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize("suffix", [".png", ".tiff", ".ppm"])
def test_the_whole_range_of_16_bits_and_black_stay(suffix: str) -> None:
    whole = pictures.decode(cv2.imencode(suffix, samples(65535))[1].tobytes())
    assert np.abs(whole - 255 * SHARES).max() <= 1
    black = np.zeros((20, 30, 3), np.uint16)
    assert not pictures.decode(cv2.imencode(suffix, black)[1].tobytes()).any()


@pytest.mark.parametrize("largest", [15, 100, 1023, 4095, 16383])
def test_a_pnm_says_what_it_means_by_white(largest: int) -> None:
    kind = ">u2" if largest > 255 else "u1"
    for magic, pixels in (("P6", samples(largest)), ("P5", samples(largest)[..., 0])):
        data = f"{magic} # a comment\n80 60\n{largest}\n".encode() + pixels.astype(kind).tobytes()
        assert np.abs(pictures.decode(data) - pixels.reshape(60, 80, -1) * (255 / largest)).max() <= 0.5


def test_8_bits_in_a_pnm_stay_as_they_are() -> None:
    original = np.rint(255 * SHARES).astype(np.uint8)
    assert np.array_equal(pictures.decode(encoded(original, "PPM")), original)


def test_signed_and_floating_samples_are_refused() -> None:
    signed = encoded(Image.fromarray((SHARES[..., 0] * 1000).astype(np.int32)), "TIFF")
    with pytest.raises(ValueError, match="signed"):
        pictures.decode(signed)
    with pytest.raises(ValueError, match="floating-point"):
        pictures.decode(cv2.imencode(".pfm", SHARES.astype(np.float32))[1].tobytes())
