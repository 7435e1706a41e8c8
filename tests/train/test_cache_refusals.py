"""What can't become an image cache is refused in one line, and nothing is left of it."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from device.data import cache_index, folders
from device.errors import UserError
from device.images import images
from tests import drawing
from tests.conftest import Run
from tests.device.refusals import says
from tests.train.caches import made_caches
from train.data import cache
from train.data.cache import DataRequest

SIZE = (12, 16)


@pytest.fixture
def damaged_folder(shapes_folder: Path) -> Path:
    """Among 60 training images: one truncated, one empty, one dangling link."""
    broken = shapes_folder / "train/circle/0000.png"
    broken.write_bytes(broken.read_bytes()[:200])
    (shapes_folder / "train/square/0001.png").write_bytes(b"")
    (shapes_folder / "train/triangle/0002.png").unlink()
    (shapes_folder / "train/triangle/0002.png").symlink_to("nowhere.png")
    return shapes_folder


BAD = ("circle/0000.png", "square/0001.png", "triangle/0002.png")


def test_bad_images_are_all_named_and_no_cache_is_left(command: Run, damaged_folder: Path) -> None:
    done = command("train", "data", damaged_folder, "--size", "16")
    assert done.returncode == 2
    *named, last = done.stderr.splitlines()
    assert len(named) == 3
    for name, line in zip(BAD, named, strict=True):
        assert line.startswith("error: ")
        assert f"train/{name}: " in line
    says(last, f"error: {damaged_folder}: ", "3 of 60 ", "--skip-bad")
    assert done.stdout == ""
    assert made_caches() == []


def test_skip_bad_caches_the_others_and_says_so(command: Run, damaged_folder: Path) -> None:
    done = command("train", "data", damaged_folder, "--size", "12x16", "--skip-bad")
    assert done.returncode == 0
    assert [line.split(":")[0] for line in done.stderr.splitlines()] == ["skipped"] * 3
    assert "skipped 3 unreadable images" in done.stdout
    assert "images train 57, test 30;" in done.stdout
    (path,) = made_caches()
    made = folders.open_cache(path)
    assert made is not None
    assert made.images("train").shape == (57, *SIZE, 3)
    origins = made.index.splits["train"].origins
    preprocessed = [images.preprocess(images.read(damaged_folder / origin), SIZE) for origin in origins]
    np.testing.assert_array_equal(made.images("train"), preprocessed)
    assert not {f"train/{name}" for name in BAD} & set(origins)
    assert len(made.index.skipped) == 3
    for name, reason in zip(BAD, made.index.skipped, strict=True):
        assert name in reason


def test_a_cache_without_bad_images_is_no_answer_to_who_wants_all(damaged_folder: Path) -> None:
    skipping = cache.provide(DataRequest(str(damaged_folder), SIZE, skip_bad=True))
    assert cache.provide(DataRequest(str(damaged_folder), SIZE, skip_bad=True)).path == skipping.path
    with pytest.raises(UserError, match="3 of 60"):
        cache.provide(DataRequest(str(damaged_folder), SIZE))


def test_a_label_whose_images_are_all_bad_is_an_error_even_so(shapes_folder: Path) -> None:
    for path in (shapes_folder / "test/square").iterdir():
        path.write_bytes(b"no image")
    with pytest.raises(UserError, match=r"'square' .* test"):
        cache.provide(DataRequest(str(shapes_folder), SIZE, skip_bad=True))
    assert made_caches() == []


def only(folder: Path, *labels: str) -> Path:
    for split in ("train", "test"):
        for label in set(drawing.LABELS) - set(labels):
            shutil.rmtree(folder / split / label, ignore_errors=True)
    return folder


def without_a_test_class(folder: Path) -> Path:
    shutil.rmtree(folder / "test/square")
    return folder


def without_training_images(folder: Path) -> Path:
    shutil.rmtree(folder / "train")
    return folder


def with_a_label(name: str) -> Callable[[Path], Path]:
    def change(folder: Path) -> Path:
        for split in ("train", "test"):
            (folder / split / "circle").rename(folder / split / name)
        return folder

    return change


@pytest.mark.parametrize(
    ("change", "facts"),
    [
        (without_a_test_class, ("'square'", "test/")),
        (without_training_images, ("train/",)),
        (lambda folder: only(folder), ("0 other files",)),
        (lambda folder: folder / "nowhere", ("no such ",)),
        (with_a_label(" "), ("label 0 ", "empty")),
        (with_a_label("cir\ncle"), ("lines",)),
        (with_a_label(os.fsdecode(b"\xb0\xad\xbe\xc6")), ("UTF-8",)),
    ],
)
def test_a_folder_that_is_no_data_set(
    shapes_folder: Path, change: Callable[[Path], Path], facts: tuple[str, ...]
) -> None:
    folder = change(shapes_folder)
    with pytest.raises(UserError) as refusal:
        cache.provide(DataRequest(str(folder), SIZE))
    assert str(refusal.value).startswith(f"{folder}: ")
    says(str(refusal.value), *facts)
    assert made_caches() == []


@pytest.mark.parametrize("flat_folder", [True, False])
def test_classes_that_differ_only_in_case(shapes_folder: Path, flat: Path, flat_folder: bool) -> None:
    folder = flat if flat_folder else shapes_folder
    for root in [folder] if flat_folder else [folder / split for split in cache_index.SPLITS]:
        (root / "Circle").mkdir()
        for path in sorted((root / "circle").iterdir())[:3]:
            path.rename(root / "Circle" / path.name)
    with pytest.raises(UserError) as refusal:
        cache.provide(DataRequest(str(folder), SIZE))
    says(str(refusal.value), f"{folder}: ", "'Circle'", "'circle'", " case")
    assert made_caches() == []


def test_a_folder_of_one_class_through_the_command_line(command: Run, shapes_folder: Path) -> None:
    done = command("train", "data", only(shapes_folder, "square"), "--size", "16")
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1
    says(done.stderr, f"error: {shapes_folder}: ", "'square'")
    assert done.stdout == ""
    assert made_caches() == []


def test_a_class_of_one_image_cannot_be_split(flat: Path) -> None:
    for path in sorted((flat / "square").iterdir())[1:]:
        path.unlink()
    with pytest.raises(UserError, match=r"'square' .*, expected two"):
        cache.provide(DataRequest(str(flat), SIZE))


@pytest.mark.parametrize(
    ("words", "facts"),
    [
        (["--size", "0x16"], ("--size is 0x16,", "HxW", " 1 ", "1024")),
        (["--size", "-4"], ("--size is -4,", "HxW")),
        (["--size", "16x1025"], ("--size is 16x1025,", "HxW")),
        (["--size", "small"], ("--size is small,", "HxW")),
        (["--size", "16", "--test", "1"], ("--test is 1,", " 0 ")),
        (["--size", "16", "--test", "nan"], ("--test is nan,", " 0 ")),
        (["--size", "16", "--seed", "-1"], ("--seed is -1,", " 0")),
    ],
)
def test_bad_options_of_train_data(command: Run, flat: Path, words: list[str], facts: tuple[str, ...]) -> None:
    done = command("train", "data", flat, *words)
    assert done.returncode == 2
    says(done.stderr.splitlines()[-1], "error: ", *facts)
    assert "Traceback" not in done.stderr
    assert made_caches() == []


@pytest.mark.parametrize("name", ["", " "])
def test_an_empty_name_is_not_the_current_folder(command: Run, flat: Path, name: str) -> None:
    done = command("train", "data", name, "--size", "16")
    assert done.returncode == 2
    says(done.stderr, "error: ", " name ", "empty")


def test_a_cache_place_that_cannot_be_written(command: Run, shapes_folder: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"in the way")
    sealed = tmp_path / "sealed"
    sealed.mkdir(mode=0o555)
    for place in [tmp_path / "file", tmp_path / "file/below", Path("/proc/below")] + (
        [sealed] if os.geteuid() else []  # root may write everywhere
    ):
        done = command("train", "data", shapes_folder, "--size", "16", FRAMELITE_CACHE=str(place))
        assert done.returncode == 2, place
        assert done.stderr.splitlines()[-1].startswith(f"error: {place}"), done.stderr
        assert "Traceback" not in done.stderr
        assert done.stdout == ""
    assert (tmp_path / "file").read_bytes() == b"in the way"
