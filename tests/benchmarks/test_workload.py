"""What is timed: the random input of its type, and a frame's way through a classifier."""

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from benchmarks.timing import workload
from device.errors import UserError
from device.inference import runtime
from device.model import card as cards
from tests.conftest import model
from tests.device import crafted
from tests.device.crafted import End

RUNTIME = runtime.find()


def given(path: Path) -> list[np.ndarray[Any, Any]]:
    interpreter = workload.load(path, 1, RUNTIME).interpreter
    return [interpreter.get_tensor(details["index"]) for details in interpreter.get_input_details()]


@pytest.mark.parametrize(
    ("end", "low", "high"),
    [
        (End((1, 32, 32, 3)), 0, 255),
        (End((1, 32, 32, 3), "uint8", 1.0), 0, 255),
        (End((1, 32, 32, 3), "int8", 1.0), -128, 127),
    ],
)
def test_every_input_is_fed_the_same_random_pixels_of_its_type(end: End, low: int, high: int, tmp_path: Path) -> None:
    path = crafted.write(tmp_path / "net.tflite", crafted.constant([1], end, End((1, 7))))
    pixels, second = given(path)
    assert (pixels.dtype, pixels.shape) == (np.dtype(end.dtype), end.shape)
    assert (pixels.min(), pixels.max()) == (low, high)
    assert second.shape == (1, 7) and second.std() > 0
    again, _ = given(path)
    assert np.array_equal(pixels, again)


def test_an_input_of_another_type_is_refused(tmp_path: Path) -> None:
    path = crafted.write(tmp_path / "net.tflite", crafted.constant([1], End(dtype="float64")))
    with pytest.raises(UserError, match="float64, expected float32"):
        workload.load(path, 1, RUNTIME)


def test_a_frame_s_way_is_that_of_a_classifier(tmp_path: Path) -> None:
    """Of a network that answers with its pixel: the way through it leaves no trace but time."""
    path = tmp_path / "colors.tflite"
    card = crafted.card(("red", "green", "blue"), (1, 1))
    crafted.write(path, cards.append_archive(crafted.echo(), card, {}))
    answer = workload.frame_path(path, 1, RUNTIME)
    assert answer is not None and answer() is None
    assert workload.frame_path(crafted.write(path, crafted.echo()), 1, RUNTIME) is None


def test_opencv_s_threads_are_set_once_not_with_every_frame() -> None:
    """It is a global of the process, and changing it takes its threads down: neither belongs into a frame's time."""
    before = cv2.getNumThreads()
    try:
        cv2.setNumThreads(2)
        answer = workload.frame_path(model("int8"), 2, RUNTIME)
        assert answer is not None and cv2.getNumThreads() == 1
        cv2.setNumThreads(3)
        answer()
        assert cv2.getNumThreads() == 3
    finally:
        cv2.setNumThreads(before)
