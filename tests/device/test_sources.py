"""What --source may be, and what goes with what."""

from pathlib import Path
from typing import Any

import pytest

from device.errors import UserError
from device.live import sources
from device.live.interfaces.frames import Source
from device.live.sources.camera import Camera
from device.live.sources.image_files import ImageFiles
from device.live.sources.mjpeg import Mjpeg
from device.live.sources.pattern import Pattern
from device.live.sources.picamera import PiCamera
from device.live.sources.rtsp import Rtsp
from device.live.sources.video_file import VideoFile
from tests.device.classifying import draw

TARGET = (32, 32)


def find(text: str, **given: Any) -> Source:
    return sources.options(text, given).source(TARGET)


@pytest.fixture
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    draw(tmp_path / "shots/one.png", "circle")
    (tmp_path / "no_ending").write_bytes((tmp_path / "shots/one.png").read_bytes())
    (tmp_path / "photo.heic").write_bytes(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic")
    (tmp_path / "no_film").write_bytes(b"\0\0\0\x18ftypisom\0\0\2\0isomiso2")
    (tmp_path / "film.mp4").write_bytes(b"not yet opened")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("text", "kind", "name"),
    [
        ("0", Camera, "/dev/video0"),
        ("12", Camera, "/dev/video12"),
        ("/dev/video3", Camera, "/dev/video3"),
        ("/dev/v4l/by-id/usb-camera", Camera, "/dev/v4l/by-id/usb-camera"),
        ("picamera2", PiCamera, "picamera2"),
        ("test", Pattern, "test"),
        ("http://10.0.0.1:8080/video", Mjpeg, "http://10.0.0.1:8080/video"),
        ("https://anna:secret@camera.example/stream", Mjpeg, "https://camera.example/stream"),
        ("rtsp://anna:secret@10.0.0.1/live", Rtsp, "rtsp://10.0.0.1/live"),
        ("RTSPS://anna:secret@Camera/live", Rtsp, "rtsps://Camera/live"),
        ("film.mp4", VideoFile, "film.mp4"),
        ("no_ending", ImageFiles, "no_ending"),
        ("photo.heic", ImageFiles, "photo.heic"),  # the error says what it is
        ("no_film", VideoFile, "no_film"),
        ("shots", ImageFiles, "shots"),
        ("shots/one.png", ImageFiles, "shots/one.png"),
        ("shots/*.png", ImageFiles, "shots/*.png"),
    ],
)
def test_what_is_named_is_found(places: Path, text: str, kind: type, name: str) -> None:
    source = find(text)
    assert type(source) is kind
    assert source.name == name
    assert source.is_live == (kind not in (VideoFile, ImageFiles))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("nowhere", "--source nowhere: .*camera"),
        ("", "--source is empty,"),
        ("shots/*.bmp", "no images"),
        (
            "rtmp://anna:secret@10.0.0.1/live",
            "--source rtmp://10.0.0.1/live: .*http",
        ),
        ("anna:secret@10.0.0.1/live", "scheme; "),
        ("10.0.0.1/live?pwd=secret", "scheme; "),
    ],
)
def test_what_is_nothing_is_refused(places: Path, text: str, expected: str) -> None:
    with pytest.raises(UserError, match=expected):
        find(text)


def test_an_empty_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"no images; .*\.jpg"):
        find(str(tmp_path))


@pytest.mark.parametrize(
    ("text", "given", "option"),
    [
        ("0", {"loop": True}, "--loop"),
        ("test", {"realtime": True}, "--realtime"),
        ("shots", {"realtime": True}, "--realtime"),
        ("film.mp4", {"capture": (640, 480)}, "--capture"),
        ("rtsp://10.0.0.1/live", {"decode": "auto"}, "--decode"),
        ("shots", {"stall_if_still": 5.0}, "--stall-if-still"),
    ],
)
def test_an_option_of_another_kind_is_refused(places: Path, text: str, given: dict[str, Any], option: str) -> None:
    with pytest.raises(UserError, match=f"{option} .*--source {text} "):
        find(text, **given)


def test_options_arrive(places: Path) -> None:
    camera = find("0", capture=(800, 600), decode="auto")
    assert isinstance(camera, Camera) and (camera.capture, camera.reduced) == ((800, 600), True)
    stream = find("http://10.0.0.1/", decode="auto")
    assert isinstance(stream, Mjpeg) and stream.target == TARGET and stream.stall_if_still is None
    still = find("rtsp://10.0.0.1/", stall_if_still=7.5)
    assert still.stall_if_still == 7.5
    film = find("film.mp4", loop=True, realtime=True)
    assert isinstance(film, VideoFile) and film.loop and film.realtime and film.newest_only


# Where --source isn't given.


def test_a_source_comes_from_the_first_place_that_has_one(places: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = places / "source"
    file.write_text("rtsp://anna:secret@10.0.0.1/live\r\n")
    assert sources.given(None, None) == "0"
    monkeypatch.setenv("FRAMELITE_SOURCE", " shots \n")
    assert sources.given(None, None) == "shots"
    assert sources.given(None, file) == "rtsp://anna:secret@10.0.0.1/live"
    assert sources.given("test", None) == "test"


@pytest.mark.parametrize("text", ["test", "picamera2", "2", "/dev/video2", "shots/*.png", "film.mp4", "http://a/"])
def test_every_kind_of_source_may_stand_in_a_file(places: Path, text: str) -> None:
    (places / "source").write_text(text)
    assert sources.given(None, places / "source") == text


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", "not a source; .*camera"),
        (b"\n", "not a source"),
        (b"anna\nhunter2", "not a source"),
        (b"hunter2", "not a source"),
        (b"http://anna:hunter2@a/\nhttp://b/", "not a source"),
        (b"http://" + b"hunter2" * 2000, "not a source"),
        (b"\xffhunter2", r"can't read"),
    ],
)
def test_what_is_no_source_in_a_file_is_not_repeated(
    places: Path, monkeypatch: pytest.MonkeyPatch, content: bytes, expected: str
) -> None:
    (places / "source").write_bytes(content)
    with pytest.raises(UserError, match=f"--source-file .*source:? .*{expected}") as refused:
        sources.given(None, places / "source")
    assert "hunter2" not in str(refused.value)
    if b"\xff" not in content:
        monkeypatch.setenv("FRAMELITE_SOURCE", content.decode())
        with pytest.raises(UserError, match=f"FRAMELITE_SOURCE: .*{expected}") as refused:
            sources.given(None, None)
        assert "hunter2" not in str(refused.value)
