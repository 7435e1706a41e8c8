"""Films and image files as sources: every frame in order, loops, real time, and what is broken."""

import itertools
import time
from pathlib import Path

import cv2
import numpy as np
import pytest

from device.images import images
from device.live.interfaces.frames import SourceLostError
from device.live.sources.image_files import ImageFiles
from device.live.sources.pattern import Pattern
from device.live.sources.video_file import VideoFile
from tests.device.classifying import draw
from tests.limits import limits

FRAMES, RATE = 12, 20.0


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve frames, each a little brighter, 20 a second."""
    path = tmp_path_factory.mktemp("films") / "brighter.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), RATE, (64, 48))
    assert writer.isOpened()
    for number in range(FRAMES):
        writer.write(np.full((48, 64, 3), 20 * number, np.uint8))
    writer.release()
    return path


def brightness(source: VideoFile, count: int) -> list[int]:
    """Of the next frames, in twentieths."""
    found = []
    for _ in range(count):
        frame = source.read()
        assert frame is not None
        found.append(round(float(frame.image.mean()) / 20))
    return found


def test_a_film_gives_every_frame_and_ends(film: Path) -> None:
    with VideoFile(film) as source:
        assert brightness(source, FRAMES) == list(range(FRAMES))
        assert source.read() is None
    with source:  # opened again it begins again
        assert brightness(source, 2) == [0, 1]


def test_a_film_of_too_many_pixels(film: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The most, and one more."""
    limits(monkeypatch, images, MAX_PIXELS=64 * 48)
    with VideoFile(film) as source:
        assert source.read() is not None
    limits(monkeypatch, images, MAX_PIXELS=64 * 48 - 1)
    with pytest.raises(SourceLostError, match="64x48 pixels, expected at most 3071"), VideoFile(film):
        pytest.fail("it was opened")


def test_a_film_that_breaks_off_is_no_film_that_ends(tmp_path: Path) -> None:
    """A copy that was stopped, a camera that lost its power: the header still speaks of all frames."""
    path = tmp_path / "half.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), RATE, (64, 48))
    for number in range(60):
        writer.write(np.random.default_rng(number).integers(0, 256, (48, 64, 3), np.uint8))
    writer.release()
    with VideoFile(path) as source:
        while source.read() is not None:
            pass
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with VideoFile(path) as source, pytest.raises(SourceLostError, match=r"half\.avi: .* after 1\.\d s of 3\.0 s"):
        brightness(source, 60)


def test_a_frame_of_a_film_says_when_it_was_in_the_film(film: Path) -> None:
    with VideoFile(film, loop=True) as source:
        frames = [source.read() for _ in range(2 * FRAMES)]
    positions = [frame.position for frame in frames if frame and frame.position is not None]
    assert positions == pytest.approx([number / RATE for number in range(2 * FRAMES)])


def test_a_film_begins_again_with_loop(film: Path) -> None:
    with VideoFile(film, loop=True) as source:
        assert brightness(source, 2 * FRAMES + 3) == [*range(FRAMES), *range(FRAMES), 0, 1, 2]


def test_real_time_takes_as_long_as_the_film(film: Path) -> None:
    began = time.monotonic()
    with VideoFile(film, realtime=True) as source:
        brightness(source, FRAMES)
        assert time.monotonic() - began >= (FRAMES - 1) / RATE


def test_a_broken_frame_in_a_film_is_passed_over(film: Path, tmp_path: Path) -> None:
    """The sixth begins with zeros. FFmpeg may give up one beside it too; at the end it is said."""
    data = bytearray(film.read_bytes())
    starts = [place for place in range(len(data)) if data[place : place + 2] == b"\xff\xd8"]
    assert len(starts) == FRAMES
    data[starts[5] : starts[5] + 300] = bytes(300)
    broken = tmp_path / "broken.avi"
    broken.write_bytes(data)
    with VideoFile(broken) as source:
        found = []
        with pytest.raises(SourceLostError, match=r"broken\.avi: \d frame"):
            for _ in range(FRAMES):
                found += brightness(source, 1)
    assert found == sorted(found) and 5 not in found
    assert {0, 1, 2, 3, 8, 9, 10, 11} <= set(found)
    with VideoFile(broken, loop=True) as source:
        assert brightness(source, FRAMES + 3).count(0) == 2


def test_what_is_no_film_is_said(tmp_path: Path) -> None:
    broken = tmp_path / "film.mp4"
    broken.write_bytes(b"this is no film" * 100)
    with pytest.raises(SourceLostError, match="OpenCV"), VideoFile(broken):
        pytest.fail("it was opened")


def test_images_come_in_order_of_name_and_as_they_are(tmp_path: Path) -> None:
    for name in ("b.png", "a.png", "c.png"):
        draw(tmp_path / name, "circle", seed=ord(name[0]))
    draw(tmp_path / ".hidden.png", "square")
    (tmp_path / "notes.txt").write_text("no image")
    with ImageFiles(str(tmp_path)) as source:
        for name in ("a.png", "b.png", "c.png"):
            frame = source.read()
            assert frame is not None
            assert (frame.name, frame.color) == (str(tmp_path / name), "RGB")
            assert np.array_equal(frame.image, images.read(tmp_path / name))
        assert source.read() is None


@pytest.mark.parametrize("folder", ["shots [1]", "shots*"])
def test_a_pattern_works_in_a_folder_whose_name_looks_like_one(folder: str, tmp_path: Path) -> None:
    for name in ("a.png", "b [2].png", "c.jpg"):
        draw(tmp_path / folder / name, "circle")
    for where, count in ((folder, 3), (f"{folder}/*.png", 2), (f"{folder}/b [2].png", 1)):
        with ImageFiles(str(tmp_path / where)) as source:
            names = [frame.name for frame in iter(source.read, None) if frame]
        assert len(names) == count and all(str(name).startswith(str(tmp_path / folder)) for name in names)


def test_images_are_told_by_their_content(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("a.jfif", "b", "c.PNG"):
        draw(tmp_path / "made.png", "circle").rename(tmp_path / name)
    draw(tmp_path / "@eaDir/a/thumb.png", "circle")
    draw(tmp_path / "below/d.png", "circle")
    with ImageFiles(str(tmp_path)) as source:
        names = [Path(str(frame.name)).name for frame in iter(source.read, None) if frame]
    assert names == ["a.jfif", "b", "c.PNG"]
    said = capsys.readouterr().err
    assert "1 @eaDir" in said and "1 folders below it" in said


def test_a_broken_image_is_named_and_the_others_come(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    draw(tmp_path / "a.png", "circle")
    (tmp_path / "b.png").write_bytes(b"broken")
    draw(tmp_path / "c.png", "circle")
    with ImageFiles(str(tmp_path)) as source:
        assert [frame and frame.name for frame in (source.read(), source.read())] == [
            str(tmp_path / "a.png"),
            str(tmp_path / "c.png"),
        ]
        with pytest.raises(SourceLostError, match="1 of 3 images"):
            source.read()
    assert f"error: {tmp_path / 'b.png'}: " in capsys.readouterr().err


def test_images_in_a_loop_pass_over_the_broken_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    draw(tmp_path / "a.png", "circle")
    (tmp_path / "b.png").write_bytes(b"broken")
    with ImageFiles(str(tmp_path / "*.png"), loop=True) as source:
        assert [Path(str(frame and frame.name)).name for frame in (source.read() for _ in range(3))] == ["a.png"] * 3
    assert capsys.readouterr().err.count("error:") == 1


def test_only_broken_images_end_even_in_a_loop(tmp_path: Path) -> None:
    (tmp_path / "b.png").write_bytes(b"broken")
    with ImageFiles(str(tmp_path), loop=True) as source, pytest.raises(SourceLostError, match="1 of 1 images"):
        source.read()


def test_the_test_pattern_moves_at_thirty_frames_a_second() -> None:
    with Pattern() as source:
        began = time.monotonic()
        shown = [source.read() for _ in range(16)]
        assert time.monotonic() - began > 0.4
    assert all(frame.image.shape == (720, 1280, 3) and frame.color == "RGB" for frame in shown)
    assert all((a.image != b.image).mean() > 0.01 for a, b in itertools.pairwise(shown))
