"""A frame's way to the tensor: the bytes are those that `classify` makes of the same image, whatever the input is."""

import struct
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import cv2
import numpy as np
import pytest

from device.images import images
from device.inference.classifier import Classifier
from device.inference.overrides import Overrides
from device.inference.preprocess import Color
from device.live.interfaces.frames import Frame
from device.model.card import Fit
from tests.conftest import ROOT, model
from tests.device import crafted
from tests.device.crafted import End


def frame_of(random: np.random.Generator, size: tuple[int, int], color: Color) -> tuple[Frame, images.Pixels]:
    """(the frame, the same image as RGB)."""
    image = random.integers(0, 256, (*size, 3), np.uint8)
    return Frame(image, color), image if color == "RGB" else image[:, :, ::-1].copy()


@pytest.mark.parametrize("variant", ["float32", "int8"])
@pytest.mark.parametrize("color", ["RGB", "BGR"])
def test_the_bytes_are_those_of_classify(variant: str, color: Color) -> None:
    classifier = Classifier(model(variant))
    path, random = classifier.preprocessor.stream(), np.random.default_rng(1)
    for size in ((720, 1280), (480, 640), (33, 47), (10, 300), (720, 1280), classifier.size):
        frame, rgb = frame_of(random, size, color)
        tensor = path(frame.image, frame.color)
        expected = classifier.preprocessor(rgb)
        assert tensor.dtype == expected.dtype
        assert np.array_equal(tensor, expected)


@pytest.mark.parametrize(
    "end",
    [
        End((1, 24, 40, 3)),
        End((1, 24, 40, 3), "uint8", 0.02, 60),
        End((1, 24, 40, 3), "int8", 0.02, -60),
        End((1, 24, 40, 3), "int8", 1 / 128, 0),
    ],
)
@pytest.mark.parametrize("fit", ["crop", "stretch", "pad"])
def test_other_peoples_inputs_too(tmp_path: Path, end: End, fit: str) -> None:
    file = crafted.write(tmp_path / "foreign.tflite", crafted.constant([1, 2], end))
    classifier = Classifier(file, Overrides(mean=127.5, std=127.5, fit=fit), labels=False)
    path, random = classifier.preprocessor.stream(), np.random.default_rng(2)
    for size in ((90, 160), (24, 40), (500, 375)):
        frame, rgb = frame_of(random, size, "BGR")
        assert np.array_equal(path(frame.image, frame.color), classifier.preprocessor(rgb))


def test_a_tensor_stays_when_others_are_made() -> None:
    """The reader makes the next ones while this one is being read."""
    path, random = Classifier(model("int8")).preprocessor.stream(), np.random.default_rng(3)
    tensors = [path(frame_of(random, (48, 64), "BGR")[0].image, "BGR") for _ in range(6)]
    random = np.random.default_rng(3)
    again = [path(frame_of(random, (48, 64), "BGR")[0].image, "BGR") for _ in range(6)]
    assert all(np.array_equal(one, other) for one, other in zip(tensors, again, strict=True))
    assert not np.array_equal(tensors[0], tensors[1])


@pytest.fixture
def opencv_threads() -> Iterator[None]:
    """What a test sets for the whole process is set back."""
    before = cv2.getNumThreads()
    yield
    cv2.setNumThreads(before)


@pytest.mark.parametrize("threads", [2, 4])
def test_as_many_threads_as_opencv_likes_make_the_same_bytes(threads: int, opencv_threads: None) -> None:
    """Of decoding too; so benchmarks may time a frame's way on one, where live leaves OpenCV all cores."""
    random = np.random.default_rng(5)
    image = np.kron(random.integers(0, 256, (45, 80, 3), np.uint8), np.ones((16, 16, 1), np.uint8))
    jpeg, classifier = images.encode_jpeg(image, 90), Classifier(model("int8"))

    def made() -> list[np.ndarray[Any, Any]]:
        frame, _ = images.decode_frame(jpeg)
        fits = [images.preprocess(frame, (224, 160), fit) for fit in get_args(Fit)]
        return [frame, images.decode(jpeg), *fits, classifier.preprocessor.stream()(frame, "BGR")]

    cv2.setNumThreads(1)
    expected = made()
    cv2.setNumThreads(threads)
    assert all(np.array_equal(ours, theirs) for ours, theirs in zip(made(), expected, strict=True))


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_frame_that_says_how_it_is_to_be_turned(orientation: int) -> None:
    """EXIF in an MJPEG frame: the bytes are those of `classify`; a part of its size is chosen by the upright sides."""
    lying = np.asarray(
        np.kron(np.random.default_rng(4).integers(0, 256, (3, 8, 3), np.uint8), np.ones((16, 16, 1), np.uint8))
    )
    jpeg = turned_jpeg(lying, orientation)
    upright = images.decode(jpeg)
    image, decoded = images.decode_frame(jpeg)
    assert decoded == "full" and np.array_equal(image[:, :, ::-1], upright)
    classifier = Classifier(model("int8"))
    expected = classifier.preprocessor(upright)
    assert np.array_equal(classifier.preprocessor.stream()(image, "BGR"), expected)
    height, width = upright.shape[:2]
    assert (height > width) == (orientation > 4)
    for target, share in (((height // 4, width // 4), "1/2"), ((width // 4, height // 4), "full"), ((6, 6), "1/4")):
        smaller, decoded = images.decode_frame(jpeg, target)
        assert decoded == share
        assert smaller.shape[0] * {"full": 1, "1/2": 2, "1/4": 4}[decoded] == height


def flat(height: int, width: int, flag: int = cv2.IMWRITE_JPEG_PROGRESSIVE) -> bytes:
    """A gray JPEG of one color, as small as it gets."""
    return bytes(cv2.imencode(".jpg", np.full((height, width), 90, np.uint8), [flag, 1])[1])


def saying(data: bytes, height: int, width: int, kind: bytes = b"\xc2") -> bytes:
    """A progressive JPEG whose frame header says another size, or is another one."""
    at = data.index(b"\xff\xc2") + 1
    return data[:at] + kind + data[at + 1 : at + 4] + struct.pack(">HH", height, width) + data[at + 8 :]


def test_the_largest_frame_is_decoded_and_one_row_more_is_not() -> None:
    image, decoded = images.decode_frame(flat(4096, 4096), (224, 224))
    assert (decoded, image.shape) == ("1/8", (512, 512, 3))
    for data in (flat(4097, 4096), flat(4097, 4096, cv2.IMWRITE_JPEG_OPTIMIZE)):
        for target in (None, (224, 224)):
            with pytest.raises(ValueError, match=r"^a frame of 4096x4097 pixels, expected at most 16777216"):
                images.decode_frame(data, target)
    assert images.decode(flat(4097, 4096)).shape == (4097, 4096, 3), "an image of one's own may be larger"


def test_a_frame_that_asks_for_a_lot_of_memory_is_refused_unread() -> None:
    """In a process that has 64 MB more than a small frame takes: this one would take 268 MB, and in color 805."""
    small, large = flat(64, 64), saying(flat(64, 64), 11_585, 11_585)
    program = f"""
import resource, sys
from device.images import images
images.decode_frame({small!r})
used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + 2**26, used + 2**26))
try:
    images.decode_frame({large!r})
except ValueError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.stdout.startswith("a frame of 11585x11585 pixels, expected at most 16777216"), done.stderr


@pytest.mark.parametrize("kind", [b"\xc3", b"\xc9", b"\xca"])
def test_a_size_hides_in_no_other_kind_of_jpeg(kind: bytes) -> None:
    """Lossless, arithmetic: decoders know some of them. Neither behind a small header, nor before one."""
    small, odd = flat(64, 64), saying(flat(64, 64), 11_585, 11_585, kind)
    for data in (odd, odd[:-2] + small[2:]):
        with pytest.raises(ValueError, match=f"a JPEG of a kind that no camera sends \\(frame header {kind[0]:X}\\)"):
            images.decode_frame(data)
    with pytest.raises(ValueError, match="image"):
        images.decode_frame(small[: small.index(b"\xff\xc2")] + b"\xff\xd9")


def turned_jpeg(image: images.Pixels, orientation: int) -> bytes:
    """A JPEG with an EXIF segment of that one entry (TIFF 6.0, in big-endian order), behind another APP1 segment."""
    entry = b"\x01\x12\x00\x03\x00\x00\x00\x01" + orientation.to_bytes(2, "big") + b"\0\0"
    exif = b"Exif\0\0MM\0*\0\0\0\x08\x00\x01" + entry + b"\0\0\0\0"
    segments = [b"http://ns.adobe.com/xap/1.0/\0<x/>", exif]
    applied = b"".join(b"\xff\xe1" + (len(segment) + 2).to_bytes(2, "big") + segment for segment in segments)
    jpeg = images.encode_jpeg(image, 95)
    return jpeg[:2] + applied + jpeg[2:]
