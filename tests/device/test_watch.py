"""`watch`: the live loop for Python programs."""

import logging
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import device
from device.errors import UserError
from device.images import images
from device.live import reader
from device.live.watch import LivePrediction, watch
from tests import servers
from tests.conftest import ROOT
from tests.device.classifying import INT8, draw
from tests.device.feeding import wait_for
from tests.device.mjpeg_server import Server
from tests.limits import limits


@pytest.fixture
def shots(tmp_path: Path) -> Path:
    """Two circles, three squares, a circle."""
    for number, label in enumerate(("circle", "circle", "square", "square", "square", "circle")):
        draw(tmp_path / f"shots/{number}.png", label, seed=40 + number)
    return tmp_path / "shots"


def labels(predictions: Iterator[LivePrediction]) -> list[str]:
    return [prediction.label for prediction in predictions]


def readers() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "frames"]


def test_every_image_of_a_folder_is_predicted_as_a_classifier_does(shots: Path) -> None:
    classifier = device.Classifier(INT8)
    predictions = list(watch(INT8, shots, threads=1))
    assert len(predictions) == 6
    for path, prediction in zip(sorted(shots.iterdir()), predictions, strict=True):
        expected = classifier(path)
        assert (prediction.label, prediction.score) == (expected.label, expected.score)
        assert prediction.top(3) == expected.top(3)
        assert np.array_equal(prediction.frame, images.read(path))
        assert 0 < prediction.age_ms < 60_000 and not prediction.is_unknown


def test_only_changes(shots: Path) -> None:
    assert labels(watch(str(INT8), shots, threads=1, on_change=True)) == ["circle", "square", "circle"]


def test_only_what_has_held(tmp_path: Path) -> None:
    """In a video of a circle, a square for a moment, and the circle again, by the video's own seconds."""
    import cv2

    shown = ["circle"] * 30 + ["square"] * 5 + ["circle"] * 30
    drawn = {label: images.read(draw(tmp_path / f"{label}.png", label)) for label in ("circle", "square")}
    height, width = drawn["circle"].shape[:2]
    video = cv2.VideoWriter(str(tmp_path / "video.avi"), cv2.VideoWriter.fourcc(*"MJPG"), 10, (4 * width, 4 * height))
    for label in shown:
        video.write(np.ascontiguousarray(drawn[label].repeat(4, 0).repeat(4, 1)[:, :, ::-1]))
    video.release()
    every = list(watch(INT8, tmp_path / "video.avi", threads=1))
    changes = list(watch(INT8, tmp_path / "video.avi", threads=1, on_change=True))
    held = list(watch(INT8, tmp_path / "video.avi", threads=1, held_s=2.0))
    once = list(watch(INT8, tmp_path / "video.avi", threads=1, held_s=2.0, on_change=True))
    assert len(every) == len(shown) and len(changes) == 3
    assert all(each.held_s >= 2 and each.label == changes[0].label for each in held) and len(held) == 20
    assert [each.label for each in once] == [changes[0].label] * 2
    assert all(2 <= each.held_s < 2.2 for each in once)


def test_leaving_the_loop_frees_the_source() -> None:
    for prediction in watch(INT8, "test", threads=1):
        assert prediction.frame.shape == (720, 1280, 3)
        assert readers()
        break
    wait_for(lambda: not readers())
    predictions = watch(INT8, "test", threads=1)
    next(predictions)
    predictions.close()
    assert not readers()


def test_what_comes_while_a_program_works_is_dropped() -> None:
    """The frame after a long pause is a new one."""
    predictions = watch(INT8, "test", threads=1)
    first = next(predictions)
    wait_for(lambda: first.age_ms > 500)
    assert next(predictions).captured - first.captured > 0.4
    predictions.close()


def test_a_threshold_makes_unknown(shots: Path) -> None:
    predictions = list(watch(INT8, shots, threads=1, threshold=1.0))
    assert all(prediction.is_unknown and prediction.label == "unknown" for prediction in predictions)


@pytest.mark.long
def test_a_camera_that_is_lost_is_opened_again(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    limits(monkeypatch, reader, FIRST_PAUSE_S=0.05)
    port, caught = servers.free_port(), caplog.at_level(logging.WARNING, "device.live")
    server = Server("good", port)
    servers_started = [server]
    try:
        with caught, closing(watch(INT8, server.url, threads=1)) as predictions:
            next(predictions)
            server.kill()
            # While the loop waits for a frame: what is over before it looks again, it doesn't see.
            back = threading.Timer(0.5, lambda: servers_started.append(Server("good", port)))
            back.start()
            wait_for(lambda: next(predictions) and "is back" in caplog.text)
            back.join()
    finally:
        for each in servers_started:
            each.kill()
    assert "trying again" in caplog.text


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"source": "nowhere"}, "there is no such file or folder"),
        ({"source": "test", "capture": (640, 480)}, "--capture was given, but --source test is of another kind"),
        ({"source": "test", "held_s": -1}, "held_s is -1"),
        ({"source": "test", "held_s": float("nan")}, "held_s is nan"),
        ({"source": "test", "held_s": "2"}, "held_s is 2"),
        ({"source": "test", "smooth": 0}, "smooth is 0"),
        ({"source": "test", "smooth": 1.5}, "smooth is 1.5"),
        ({"source": "test", "threshold": 2}, "threshold is 2"),
        ({"model": "none.tflite", "source": "test"}, "none.tflite"),
    ],
)
def test_what_cannot_be_is_refused_at_the_call(given: dict[str, Any], expected: str) -> None:
    with pytest.raises(UserError, match=expected):
        watch(**{"model": INT8, "threads": 1, **given})


def test_a_misspelled_argument() -> None:
    with pytest.raises(TypeError, match="sorce"):
        watch(INT8, "test", sorce=0)


def test_a_source_that_cannot_be_opened(tmp_path: Path) -> None:
    (tmp_path / "video.mp4").write_bytes(b"\0\0\0\x18ftypisom\0\0\2\0isomiso2")
    with pytest.raises(UserError, match="this OpenCV can't read it as a video"):
        next(watch(INT8, tmp_path / "video.mp4", threads=1))


def test_it_is_there_when_it_is_asked_for() -> None:
    program = "import sys, device; assert 'numpy' not in sys.modules; device.watch; assert 'numpy' in sys.modules"
    subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=True, timeout=60)
