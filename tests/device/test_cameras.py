"""Cameras. None is here, so cv2.VideoCapture and picamera2 are played by hand, as their manuals describe them."""

import itertools
import os
import sys
import time
import types
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from device.errors import UserError
from device.images import images
from device.live import reader
from device.live.interfaces.frames import SourceLostError
from device.live.reader import Reader
from device.live.sources import camera
from device.live.sources.camera import Camera
from device.live.sources.picamera import PiCamera
from tests.device.feeding import wait_for
from tests.limits import limits

WIDTH, HEIGHT = cv2.CAP_PROP_FRAME_WIDTH, cv2.CAP_PROP_FRAME_HEIGHT


class Capture:
    """A camera with three sizes, which answers any other with its nearest one below, as V4L2 drivers do."""

    sizes = ((320, 240), (640, 480), (1280, 720))
    opens = True

    def __init__(self, where: int | str, backend: int) -> None:
        self.where, self.settings = where, {}  # type: ignore[var-annotated]
        self.frames = 3
        self.broken: set[int] = set()  # by how many are left
        self.stamps: Iterator[float] = itertools.repeat(0.0)  # OpenCV's word for none
        self.stamp = 0.0
        self.released = False

    def isOpened(self) -> bool:  # noqa: N802
        return self.opens

    def set(self, prop: int, value: float) -> bool:
        self.settings[prop] = value
        return True

    def get(self, prop: int) -> float:
        if prop == cv2.CAP_PROP_POS_MSEC:
            return self.stamp
        fitting = [size for size in self.sizes if size[0] <= self.settings[WIDTH]] or [self.sizes[0]]
        return float(fitting[-1][0 if prop == WIDTH else 1])

    def read(self) -> tuple[bool, Any]:
        self.frames -= 1
        self.stamp = next(self.stamps, self.stamp)
        if self.frames < 0:
            return False, None
        image = np.full((int(self.get(HEIGHT)), int(self.get(WIDTH)), 3), 90, np.uint8)
        if self.settings.get(cv2.CAP_PROP_CONVERT_RGB, 1):
            return True, image
        jpeg = np.frombuffer(images.encode_jpeg(image, 90), np.uint8)[None]
        return True, jpeg[:, :1000] if self.frames in self.broken else jpeg

    def release(self) -> None:
        self.released = True


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[Capture]:
    """Every capture that was opened."""
    captures: list[Capture] = []

    def open_one(where: int | str, backend: int) -> Capture:
        captures.append(Capture(where, backend))
        return captures[-1]

    monkeypatch.setattr(cv2, "VideoCapture", open_one)
    return captures


@pytest.mark.parametrize(
    ("target", "capture", "expected"),
    [
        ((32, 32), None, (320, 240)),
        ((224, 224), None, (320, 240)),
        ((256, 256), None, (640, 480)),
        ((500, 500), None, (1280, 720)),
        ((900, 900), None, (1280, 720)),  # the largest there is
        ((32, 32), (1280, 720), (1280, 720)),
    ],
)
def test_the_smallest_size_that_covers_the_input_is_taken(
    made: list[Capture], target: tuple[int, int], capture: tuple[int, int] | None, expected: tuple[int, int]
) -> None:
    with Camera("0", target, capture) as camera:
        frame = camera.read()
        assert frame.image.shape == (expected[1], expected[0], 3)
        assert (frame.color, frame.decoded) == ("BGR", "full")
    (opened,) = made
    assert opened.where == 0
    assert opened.settings[cv2.CAP_PROP_FOURCC] == cv2.VideoWriter.fourcc(*"MJPG")
    assert opened.settings[cv2.CAP_PROP_BUFFERSIZE] == 1
    assert opened.released


def test_another_input_is_covered_from_the_next_opening_on(made: list[Capture]) -> None:
    camera = Camera("0", (32, 32), reduced=True)
    with camera:
        assert camera.read().decoded == "1/2"
        camera.fit((300, 300))
    with camera:
        frame = camera.read()
    assert (frame.image.shape, frame.decoded) == ((480, 640, 3), "full")


def test_an_unplugged_camera_is_lost_and_opened_anew(made: list[Capture]) -> None:
    camera = Camera("/dev/video2", (32, 32))
    for _ in range(2):
        with camera, pytest.raises(SourceLostError, match="/dev/video2 gives no frames: it was unplugged"):
            for _ in range(10):
                camera.read()
    assert [capture.where for capture in made] == [2, 2]
    assert all(capture.released for capture in made)


def test_its_jpegs_are_decoded_at_a_part_when_asked(made: list[Capture]) -> None:
    with Camera("0", (32, 32), (1280, 720), reduced=True) as camera:
        frame = camera.read()
    assert (frame.image.shape, frame.decoded) == ((90, 160, 3), "1/8")
    assert np.abs(frame.image.astype(int) - 90).max() <= 2


@pytest.mark.parametrize("reduced", [False, True])
def test_the_drivers_own_time_comes_with_a_frame(made: list[Capture], reduced: bool) -> None:
    """V4L2's of the buffer, in ms since the machine began; 0 or what is no number: it has none."""
    with Camera("0", (32, 32), reduced=reduced) as camera:
        made[0].frames = 5
        made[0].stamps = iter([40.5, 40.5, 0.0, float("nan"), -1.0])
        assert [camera.read().driver_ms for _ in range(5)] == [40.5, 40.5, None, None, None]


@pytest.mark.long
@pytest.mark.parametrize(("stamps", "hangs"), [([0.0], False), ([5.0], True), (range(5, 10**9), False)])
def test_a_camera_with_its_lens_covered(
    made: list[Capture], stamps: Iterable[float], hangs: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its frames are all the same. They are answered, unless the driver's own time says that it is one frame."""
    limits(monkeypatch, reader, STALL_S=0.2)
    camera = Camera("0", (32, 32))
    with Reader(camera, lambda frame: time.sleep(0.002)) as running:
        wait_for(lambda: made)
        made[0].frames, made[0].stamps = 10**9, iter(stamps)
        deadline = time.monotonic() + 1
        while time.monotonic() < deadline and running.state.lost == 0:
            running.take(0.01)
        state = running.state
    assert (state.lost > 0) == hangs, state.message
    assert hangs == ("repeated one frame" in state.message)


def test_a_broken_jpeg_is_passed_over(made: list[Capture], monkeypatch: pytest.MonkeyPatch) -> None:
    """Cables and hubs break some; a camera of which none can be decoded is given up."""
    with Camera("0", (32, 32), (1280, 720), reduced=True) as opened:
        made[0].broken = {2, 1}
        assert opened.read().decoded == "1/8"
        assert made[0].frames == 0
    limits(monkeypatch, camera, STALL_S=0.0)
    with Camera("0", (32, 32), (1280, 720), reduced=True) as opened:
        made[1].broken = {2, 1, 0}
        with pytest.raises(SourceLostError, match=r"decoded: .*truncated"):
            opened.read()


def test_why_a_camera_can_not_be_opened(made: list[Capture], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(Capture, "opens", False)
    with pytest.raises(SourceLostError, match="/dev/video93;"), Camera("93", (32, 32)):
        pytest.fail("it was opened")
    path = tmp_path / "camera"
    path.write_bytes(b"")
    with pytest.raises(SourceLostError, match="OpenCV can't open"), Camera(str(path), (32, 32)):
        pytest.fail("it was opened")

    def refuse(*words: object) -> int:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "open", refuse)  # root, who may run the tests, is refused nothing
    with pytest.raises(SourceLostError, match="usermod -aG video"), Camera(str(path), (32, 32)):
        pytest.fail("it was opened")


def test_a_busy_camera_says_so(made: list[Capture], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(Capture, "opens", False)
    path = tmp_path / "camera"
    path.write_bytes(b"")

    def busy(*words: object) -> int:
        raise OSError(16, "Device or resource busy")

    monkeypatch.setattr(os, "open", busy)  # no camera is here that a program could use
    with pytest.raises(SourceLostError, match="another program uses"), Camera(str(path), (32, 32)):
        pytest.fail("it was opened")


class Picamera2:
    """The calls that are used, as the Picamera2 manual has them."""

    fails: Exception | None = None

    def create_video_configuration(self, main: dict[str, Any], buffer_count: int) -> dict[str, Any]:
        return {"main": main, "buffer_count": buffer_count}

    def configure(self, configuration: dict[str, Any]) -> None:
        self.size = configuration["main"]["size"]
        assert configuration["main"]["format"] == "RGB888"

    def start(self) -> None:
        self.running = True

    def capture_array(self, name: str, wait: float) -> Any:
        if self.fails:
            raise self.fails
        return np.zeros((self.size[1], self.size[0], 3), np.uint8)

    def close(self) -> None:
        self.running = False


@pytest.fixture
def library(monkeypatch: pytest.MonkeyPatch) -> types.ModuleType:
    module = types.ModuleType("picamera2")
    module.Picamera2 = Picamera2  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "picamera2", module)
    return module


def test_the_boards_own_camera(library: types.ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    for target, capture, expected in (
        ((32, 32), None, (640, 480)),
        ((500, 500), None, (1280, 720)),
        ((900, 900), None, (1920, 1080)),
        ((32, 32), (800, 600), (800, 600)),
    ):
        with PiCamera(target, capture) as camera:
            frame = camera.read()
            assert frame.image.shape == (expected[1], expected[0], 3)
            assert frame.color == "BGR"
    camera = PiCamera((32, 32))
    camera.fit((500, 500))
    with camera:
        assert camera.read().image.shape == (720, 1280, 3)
    monkeypatch.setattr(Picamera2, "fails", TimeoutError())
    with PiCamera((32, 32)) as camera, pytest.raises(SourceLostError, match="gives no frames"):
        camera.read()


def test_a_board_without_a_camera_says_so(library: types.ModuleType) -> None:
    def none() -> Any:
        raise IndexError("list index out of range")

    library.Picamera2 = none  # type: ignore[attr-defined]
    with pytest.raises(SourceLostError, match="check its cable"), PiCamera((32, 32)):
        pytest.fail("it was opened")


def test_without_picamera2_it_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "picamera2", None)
    with pytest.raises(UserError, match=r"apt install python3-picamera2.*--system-site-packages"), PiCamera((32, 32)):
        pytest.fail("it was opened")
