"""The one walker: what is an image, what is passed over and how it is said, links, and patterns."""

import hashlib
import os
import socket
import tracemalloc
from pathlib import Path

import cv2
import numpy as np
import pytest

from device.data import content, walk
from device.data.passed_over import PassedOver, Reason, Why
from device.data.walk import Walk
from device.errors import UserError
from device.images import images, kinds
from tests.conftest import Run
from tests.device.classifying import INT8, draw, lines
from tests.device.refusals import refusal

PIXELS = np.random.default_rng(1).integers(0, 256, (12, 16, 3), np.uint8)
HEIC = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(200)
# As a camera writes them: the brand that tells stands among the compatible ones.
HEIF = b"\0\0\0\x1cftypmif1\0\0\0\0mif1heicmiaf" + bytes(200)


def write(path: Path, data: bytes = b"") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data or images.encode_jpeg(PIXELS, 90))
    return path


def walked(folder: Path) -> tuple[list[str], PassedOver]:
    walk = Walk(folder)
    found = [str(path.relative_to(folder)) for path in walk]
    return found, walk.passed_over


# Kinds.


@pytest.mark.parametrize("ending", [".jpg", ".png", ".bmp", ".webp", ".tiff", ".ppm", ".pgm"])
def test_what_opencv_writes_is_known_by_its_bytes(ending: str) -> None:
    data = cv2.imencode(ending, PIXELS if ending != ".pgm" else PIXELS[..., 0])[1].tobytes()
    found = kinds.kind(data[: kinds.HEAD_BYTES])
    assert found is not None and found.use == "image"
    assert images.decode(data).shape == PIXELS.shape


@pytest.mark.parametrize(
    ("head", "name"),
    [
        (HEIC, "HEIC"),
        (HEIF, "HEIC"),
        (b"\0\0\0\x1cftypavif\0\0\0\0mif1avifmiaf", "AVIF"),
        (b"\0\0\0\x1cftypmif1\0\0\0\0mif1avifmiaf", "AVIF"),
        (b"\0\0\0\x18ftypcrx \0\0\0\1crx isom", "camera raw"),
        (b"II*\0\x10\0\0\0CR\2\0", "camera raw"),
        (b"\0\0\0\x18ftypisom\0\0\2\0isomiso2", "video"),
        (b"RIFF\0\0\0\0AVI LIST", "video"),
        (b"\xff\x0a\x01\x02", "JPEG XL"),
        (b"\0\0\0\x0cjP  \r\n\x87\n", "JPEG 2000"),
        (b'<?xml version="1.0"?>\n<svg xmlns="http://www.w3.org/2000/svg">', "SVG"),
        (b"8BPS\0\1", "Photoshop"),
        (b"%PDF-1.7", "PDF"),
    ],
)
def test_other_kinds_by_their_bytes(head: bytes, name: str) -> None:
    found = kinds.kind(head)
    assert found is not None and found.name == name


@pytest.mark.parametrize(
    "text", [b"", b"BMW, Audi, Opel and others, in rows", b"P6 is a station", b"<!DOCTYPE html>", b"II"]
)
def test_text_is_no_image(text: bytes) -> None:
    assert kinds.kind(text) is None


# What is an image.


def test_content_decides_not_the_ending_alone(tmp_path: Path) -> None:
    names = ["a.jfif", "b.JPE", "c.JPG", "d", "e.dat", "f.Jpeg", "g.jpg_large", "h.heic"]
    for name in names:  # the last is a JPEG that was renamed
        write(tmp_path / name)
    assert walked(tmp_path) == (names, PassedOver())


def test_what_has_an_images_ending_is_taken_for_one(tmp_path: Path) -> None:
    """A half download, an error page: they are named when they are decoded, not passed over."""
    write(tmp_path / "page.jpg", b"<!DOCTYPE html>")
    write(tmp_path / "empty.png").write_bytes(b"")
    (tmp_path / "gone.jpg").symlink_to("nowhere.jpg")
    assert walked(tmp_path) == (["empty.png", "gone.jpg", "page.jpg"], PassedOver())


def test_what_opencv_cannot_decode_is_counted_by_ending_and_said(tmp_path: Path) -> None:
    for i in range(3):
        write(tmp_path / f"IMG_{i}.HEIC", HEIC)
    write(tmp_path / "scan", HEIF)
    write(tmp_path / "raw.nef", b"II*\0" + bytes(100))
    write(tmp_path / "clip.mp4", b"\0\0\0\x18ftypisom\0\0\2\0isomiso2")
    write(tmp_path / "notes.txt", b"words")
    write(tmp_path / "odd.na\nme", b"words")
    write(tmp_path / "good.jpg")
    found, passed = walked(tmp_path)
    assert found == ["good.jpg"]
    assert passed.count(Why.UNDECODABLE) == 5 and passed.count(Why.VIDEO) == 1 and passed.count(Why.OTHER) == 2
    said = passed.describe()
    for words in ("3 .heic (HEIC, ", "1 without an ending (HEIC, ", "1 .nef (camera raw", "1 .mp4 (video)", "1 .txt"):
        assert words in said
    assert "convert to JPEG" in said and "\n" not in said


@pytest.mark.programs
def test_an_image_that_is_heic_whatever_it_is_called_says_so(command: Run, tmp_path: Path) -> None:
    write(tmp_path / "IMG_1.jpg", HEIC)
    said = refusal(command("device", "classify", INT8, "IMG_1.jpg"))
    assert said.startswith("IMG_1.jpg: ") and "HEIC" in said and "convert" in said


def test_what_systems_and_programs_leave_is_passed_over_in_any_case(tmp_path: Path) -> None:
    names = ["@eaDir", ".@__thumb", "#recycle", "@Recycle", "$RECYCLE.BIN", "System Volume Information", "__MACOSX"]
    for name in [*names, "@EADIR", "lost+found", ".git"]:
        write(tmp_path / name / "a.jpg")
    for name in ("Thumbs.db", "THUMBS.DB", "desktop.ini", ".DS_Store", "._a.jpg", "a.jpg_original", "b.jpg~", "c.part"):
        write(tmp_path / name)
    write(tmp_path / "good.jpg")
    found, passed = walked(tmp_path)
    assert found == ["good.jpg"]
    assert (passed.count(Why.SYSTEM), passed.count(Why.HIDDEN), passed.count(Why.UNFINISHED)) == (11, 4, 3)


def test_what_is_no_file_is_never_opened(tmp_path: Path) -> None:
    """Reading a pipe that nobody writes to never ends."""
    os.mkfifo(tmp_path / "pipe.jpg")
    os.mkfifo(tmp_path / "pipe")
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind(str(tmp_path / "socket.png"))
        found, passed = walked(tmp_path)
    assert found == [] and passed.count(Why.SPECIAL) == 3


def test_order_is_that_of_the_paths_parts(tmp_path: Path) -> None:
    for name in ("a/z.jpg", "a.jpg", "a-b/c.jpg", "B.jpg", "b/10.jpg", "b/9.jpg"):
        write(tmp_path / name)
    assert walked(tmp_path)[0] == [str(path) for path in sorted(Path(name) for name in walked(tmp_path)[0])]
    assert walked(tmp_path)[0] == ["B.jpg", "a/z.jpg", "a-b/c.jpg", "a.jpg", "b/10.jpg", "b/9.jpg"]


# Links.


def test_links_are_followed(tmp_path: Path) -> None:
    write(tmp_path / "store/day/1.jpg")
    write(tmp_path / "store/2.jpg")
    (tmp_path / "in").mkdir()
    (tmp_path / "in/more").symlink_to("../store/day")
    (tmp_path / "in/two.jpg").symlink_to("../store/2.jpg")
    assert walked(tmp_path / "in") == (["more/1.jpg", "two.jpg"], PassedOver())


def test_loops_end_and_double_visits_count_once(tmp_path: Path) -> None:
    root = tmp_path / "in"
    for name in ("b/1.jpg", "b/2.jpg", "c.jpg"):
        write(root / name)
    (root / "b/up").symlink_to("..")
    (root / "b/far").symlink_to(tmp_path.parent)
    (root / "again").symlink_to("b")  # before b in order: the folder itself is taken
    (root / "a.jpg").symlink_to("b/1.jpg")
    (root / "self").symlink_to("self")
    found, passed = walked(root)
    assert found == ["b/1.jpg", "b/2.jpg", "c.jpg"]
    assert passed.counts == {
        Reason(Why.TWICE, "folders"): 3,
        Reason(Why.TWICE, "files"): 1,
        Reason(Why.BROKEN_LINK): 1,
    }


def test_two_links_to_one_file_outside_count_once_and_hard_links_twice(tmp_path: Path) -> None:
    outside = write(tmp_path / "outside.jpg")
    (tmp_path / "in").mkdir()
    for name in ("a.jpg", "b.jpg"):
        (tmp_path / "in" / name).symlink_to(outside)
    found, passed = walked(tmp_path / "in")
    assert found == ["a.jpg"] and passed.count(Why.TWICE) == 1
    first = write(tmp_path / "hard/a.jpg")
    os.link(first, tmp_path / "hard/b.jpg")
    assert walked(tmp_path / "hard") == (["a.jpg", "b.jpg"], PassedOver())


def test_a_link_to_what_is_passed_over_itself_is_followed(tmp_path: Path) -> None:
    """As git-annex and DVC keep files: the name is a link into a hidden folder."""
    write(tmp_path / ".git/annex/objects/x1")
    (tmp_path / "cat.jpg").symlink_to(".git/annex/objects/x1")
    found, _ = walked(tmp_path)
    assert found == ["cat.jpg"]


def test_a_folder_deeper_than_python_can_call_is_walked(tmp_path: Path) -> None:
    place = tmp_path
    try:
        for _ in range(1100):
            place = place / "d"
            place.mkdir()
        write(place / "a.jpg")
        assert len(walked(tmp_path)[0]) == 1
    finally:
        (place / "a.jpg").unlink(missing_ok=True)
        while place != tmp_path:  # pytest's own removal can't go as deep
            place.rmdir()
            place = place.parent


# The commands.


@pytest.mark.programs
def test_classify_says_once_what_it_passed_over(command: Run, tmp_path: Path) -> None:
    for place in ("one", "two"):
        draw(tmp_path / place / "a.png", "circle")
        write(tmp_path / place / "IMG.HEIC", HEIC)
        write(tmp_path / place / "@eaDir/a.png/THUMB.jpg")
    (tmp_path / "one/loop").symlink_to("..")
    done = command("device", "classify", INT8, "one", "two", "--json", "-")
    assert done.returncode == 0
    assert [line["image"] for line in lines(done)] == ["one/a.png", "two/a.png"]
    (note,) = done.stderr.splitlines()
    assert note.startswith("note: ") and "2 .heic" in note and "2 @eaDir" in note


@pytest.mark.programs
def test_a_folder_of_heic_alone_says_why_nothing_was_found(command: Run, tmp_path: Path) -> None:
    write(tmp_path / "in/IMG.HEIC", HEIC)
    for words in (("classify", INT8, "in"), ("live", INT8, "--source", "in", "--headless")):
        said = refusal(command("device", *words))
        assert said.startswith("in: no images") and "1 .heic" in said and "convert" in said


# Patterns.


@pytest.mark.parametrize("folder", ["shots [1]", "shots*", "what?", "[a-c]"])
def test_a_pattern_in_a_folder_whose_name_looks_like_one(folder: str, tmp_path: Path) -> None:
    for name in ("a.jpg", "b.png", ".c.jpg", "notes.txt", "sub/d.jpg"):
        write(tmp_path / folder / name, b"words" if name == "notes.txt" else b"")
    write(tmp_path / "shots 1/other.jpg")
    found, passed = walk.matching(str(tmp_path / folder / "*.jpg"))
    assert found == [tmp_path / folder / "a.jpg"]
    found, passed = walk.matching(str(tmp_path / folder / "*"))
    assert found == [tmp_path / folder / "a.jpg", tmp_path / folder / "b.png"]
    assert (passed.count(Why.OTHER), passed.count(Why.FOLDER), passed.count(Why.HIDDEN)) == (1, 1, 1)


def test_a_file_whose_own_name_looks_like_a_pattern(tmp_path: Path) -> None:
    path = write(tmp_path / "a[1]*.jpg")
    write(tmp_path / "a1.jpg")
    assert walk.matching(str(path)) == ([path], PassedOver())


def test_a_pattern_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"a\*\*"):
        walk.matching(str(tmp_path / "a**/x.jpg"))


# What it costs.


def test_hashing_holds_no_files_bytes(tmp_path: Path) -> None:
    """Whatever its size: one of 200 MB, empty on the disk."""
    with (tmp_path / "large.tiff").open("wb") as file:
        file.truncate(200_000_000)
    missing = tmp_path / "none.jpg"
    tracemalloc.start()
    try:
        found = list(content.hash_files([tmp_path / "large.tiff", missing]))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert found == [hashlib.sha256(bytes(200_000_000)).hexdigest(), ""]
    assert peak < 10_000_000
