"""What is a class: splits by their usual names, spellings, empty classes, levels; each refusal names what it means."""

import unicodedata
from pathlib import Path

import numpy as np
import pytest

from device.data import class_folders, folders
from device.data.splits import split_of
from device.errors import UserError
from device.images import images
from tests import drawing
from tests.conftest import Run
from tests.device.classifying import INT8
from tests.device.refusals import refusal
from tests.device.test_walk import HEIC, PIXELS

NFC, NFD = (unicodedata.normalize(form, "Pâté") for form in ("NFC", "NFD"))
JPEG = images.encode_jpeg(PIXELS, 80)


def fill(root: Path, *places: str, count: int = 2, ending: str = ".jpg", data: bytes = JPEG) -> Path:
    for place in places:
        (root / place).mkdir(parents=True, exist_ok=True)
        for i in range(count):
            (root / place / f"{i}{ending}").write_bytes(data)
    return root


def said(root: Path) -> str:
    with pytest.raises(UserError) as raised:
        class_folders.read_folder(root)
    assert str(raised.value).startswith(f"{root}: ") and "\n" not in str(raised.value)
    return str(raised.value).removeprefix(f"{root}: ")


# Splits.


@pytest.mark.parametrize(
    ("names", "splits"),
    [
        (("Training", "Testing"), ("train", "test")),
        (("Train", "Test"), ("train", "test")),
        (("TRAIN", "VAL", "TEST"), ("train", "validation", "test")),
        (("train", "valid"), ("train", "validation")),
        (("training", "validation"), ("train", "validation")),
        (("training_set", "test_set"), ("train", "test")),
        (("seg_train", "seg_test"), ("train", "test")),
        (("train", "dev", "eval"), ("train", "validation", "test")),
        (("test",), ("test",)),
    ],
)
def test_splits_by_their_usual_names(names: tuple[str, ...], splits: tuple[str, ...], tmp_path: Path) -> None:
    for name in names:
        fill(tmp_path, f"{name}/cat", f"{name}/dog")
    (tmp_path / "README.txt").write_text("words")
    folder = class_folders.read_folder(tmp_path)
    assert folder.labels == ("cat", "dog")
    assert folder.splits == dict(zip(splits, names, strict=True))
    for split, name in zip(splits, names, strict=True):
        assert {file.path.parts[-3] for file in folder.split(split)} == {name}
        assert len(folder.split(split)) == 4


@pytest.mark.parametrize("name", ["trains", "cat", "contest", "tested", "value", "trainer", "device", "set"])
def test_what_only_looks_like_a_split(name: str) -> None:
    assert split_of(name) is None


def test_a_class_that_is_called_train(tmp_path: Path) -> None:
    folder = class_folders.read_folder(fill(tmp_path, "bus", "car", "train", "train/freight"))
    assert (folder.labels, folder.has_splits, len(folder.files)) == (("bus", "car", "train"), False, 8)


@pytest.mark.parametrize(
    ("places", "named"),
    [
        (("train/cat", "train/dog", "cat", "dog"), ("train/", "cat/, dog/")),
        (("train/cat", "train/dog", "test/cat", "test/dog", "cat"), ("train/", "cat/")),
        (("test/cat", "test/dog", "horse", "cow"), ("test/", "cow/, horse/")),
        (("train/cat", "train/dog", "Training/cat", "Training/dog"), ("Training/, train/", "all mean the split train")),
        (("train", "test"), ("train/", "class folders")),
        (("train/cat", "train/dog", "val"), ("val/", "class folders")),
    ],
)
def test_splits_and_classes_mixed(places: tuple[str, ...], named: tuple[str, str], tmp_path: Path) -> None:
    message = said(fill(tmp_path, *places))
    assert all(words in message for words in named)


def test_a_class_that_a_split_lacks_is_named_with_the_folders_own_name(tmp_path: Path) -> None:
    fill(tmp_path, "Training/cat", "Training/dog", "Valid/cat")
    assert "'dog'" in said(tmp_path) and "Valid/" in said(tmp_path)


# Levels.


@pytest.mark.parametrize(
    "places",
    [
        ("camA/open", "camA/closed", "camB/open", "camB/closed"),
        ("fold1/cat", "fold1/dog", "fold2/cat", "fold2/dog", "fold3/cat", "fold3/dog", "fold3/cow"),
        ("ill/images", "ill/masks", "normal/images", "normal/masks"),
        ("train/camA/open", "train/camA/closed", "train/camB/open", "train/camB/closed", "test/x", "test/y"),
    ],
)
def test_every_class_folder_with_the_same_folders_in_it(places: tuple[str, ...], tmp_path: Path) -> None:
    message = said(fill(tmp_path, *places))
    *above, inner = places[0].split("/")
    assert (
        "the same folders" in message and f"{inner}/" in message and f"give {tmp_path.joinpath(*above)}"[:-1] in message
    )


@pytest.mark.parametrize(
    "places",
    [
        ("cat/images", "dog/images"),
        ("cat/day1", "cat/day2", "dog/day1", "dog/day3"),
        ("cat", "cat/day1", "cat/day2", "dog", "dog/day1", "dog/day2"),
        ("fruit/apple", "fruit/pear", "vegetables/leek"),
    ],
)
def test_folders_within_classes_that_are_ordinary(places: tuple[str, ...], tmp_path: Path) -> None:
    folder = class_folders.read_folder(fill(tmp_path, *places))
    assert len(folder.labels) == 2 and len(folder.files) == 2 * len(places)


def test_splits_within_classes_are_turned_round(tmp_path: Path) -> None:
    message = said(fill(tmp_path, "cat/Train", "cat/Test", "dog/Train", "dog/Test"))
    assert "cat/ holds Train/ and Test/" in message and f"{tmp_path}/Train/cat" in message


def test_one_folder_around_the_classes_is_named(tmp_path: Path) -> None:
    assert f"give {tmp_path}/PetImages" in said(fill(tmp_path, "PetImages/Cat", "PetImages/Dog"))


def test_images_without_class_folders(tmp_path: Path) -> None:
    message = said(fill(tmp_path / "data/cat", "."))
    assert message.startswith("no images") and str(tmp_path / "data") in message


# Classes that are none, or one twice.


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ({}, "empty"),
        ({"a.heic": HEIC, "b.HEIC": HEIC}, "2 .heic (HEIC"),
        ({"a.txt": b"words"}, "1 .txt"),
        ({".a.jpg": JPEG}, "1 hidden"),
    ],
)
def test_a_class_without_an_image_that_can_be_used(content: dict[str, bytes], words: str, tmp_path: Path) -> None:
    fill(tmp_path, "cat", "dog")
    (tmp_path / "bird").mkdir()
    for name, data in content.items():
        (tmp_path / "bird" / name).write_bytes(data)
    message = said(tmp_path)
    assert "'bird'" in message and words in message


def test_a_class_of_jfif_is_one(tmp_path: Path) -> None:
    fill(fill(tmp_path, "cat", "dog"), "bird", ending=".jfif")
    fill(tmp_path, "cow", ending="")
    assert class_folders.read_folder(tmp_path).labels == ("bird", "cat", "cow", "dog")


@pytest.mark.parametrize(
    ("one", "other", "how"),
    [
        (NFC, NFD, "NFC"),
        ("cat", "cat ", "spaces"),
        ("traffic light", "traffic  light", "spaces"),
        ("Cat", "cat", "case"),
        ("STRASSE", "straße", "case"),
    ],
)
@pytest.mark.parametrize("split", ["", "train/"])
def test_two_spellings_of_one_class(one: str, other: str, how: str, split: str, tmp_path: Path) -> None:
    fill(tmp_path, f"{split}{one}", f"{split}{other}", f"{split}dog", *([f"test/{one}", "test/dog"] if split else []))
    message = said(tmp_path)
    assert how in message
    for name in (one, other):
        assert (ascii(name) if how == "NFC" else repr(name)) in message


def test_one_class_in_either_encoding_of_its_accents(tmp_path: Path) -> None:
    folder = class_folders.read_folder(fill(tmp_path, f"train/{NFD}", "train/dog", f"test/{NFC}", "test/dog"))
    assert folder.labels == (NFC, "dog")
    assert {file.label for file in folder.split("train")} == {NFC, "dog"}


def test_two_class_folders_that_are_one_by_links(tmp_path: Path) -> None:
    fill(tmp_path, "data/dog", "store")
    for name in ("cat", "kitten"):
        (tmp_path / "data" / name).symlink_to("../store")
    assert "cat/ and kitten/" in said(tmp_path / "data")


def test_a_link_to_another_class_is_no_way_into_this_one(tmp_path: Path) -> None:
    """'ant' comes first in order, and would take the images of 'cat'."""
    fill(tmp_path, "ant", "cat")
    (tmp_path / "ant/more").symlink_to("../cat")
    (tmp_path / "ant/up").symlink_to("..")
    folder = class_folders.read_folder(tmp_path)
    assert [file.label for file in folder.files] == ["ant", "ant", "cat", "cat"]
    assert "2 folders reached twice" in folder.note


@pytest.mark.parametrize("target", [".", "..", "../.."])
def test_a_loop_is_no_class(target: str, tmp_path: Path) -> None:
    root = fill(tmp_path / "data", "cat", "dog")
    fill(tmp_path, "other")
    (root / "loop").symlink_to(target)
    folder = class_folders.read_folder(root)
    assert folder.labels == ("cat", "dog") and "1 folders reached twice" in folder.note


def test_labels_of_a_model_match_in_either_encoding() -> None:
    assert folders.match_labels([NFC, "dog"], ["dog", NFD], "data").tolist() == [1, 0]
    assert folders.match_labels([NFD], [NFC, "dog"], "data").tolist() == [0]
    assert folders.match_labels(["cat"], ["cat ", "cat"], "data").tolist() == [1]


# The commands.


@pytest.fixture
def shapes(tmp_path: Path) -> Path:
    """Training, validation and test images of what the committed models know."""
    return drawing.write_folder(tmp_path / "shapes", {"Training": 6, "Valid": 3, "Testing": 9})


@pytest.mark.programs
def test_accuracy_takes_the_test_split_by_any_of_its_names(command: Run, shapes: Path) -> None:
    done = command("benchmarks", "accuracy", INT8, "--data", shapes, "--json", "-")
    assert done.returncode == 0, done.stderr
    assert '"n": 9' in done.stdout and "Traceback" not in done.stderr


@pytest.mark.programs
@pytest.mark.parametrize(
    "words", [("benchmarks", "accuracy", INT8, "--data"), ("device", "check", INT8, "--data"), ("train", "data")]
)
def test_every_command_refuses_an_empty_class(words: tuple[str, ...], command: Run, shapes: Path) -> None:
    """And leaves nothing behind; `export --test` reads the same (tests/export/test_sources.py)."""
    for path in (shapes / "Testing/circle").iterdir():
        path.unlink()
    done = command(*words, shapes, *(["--size", "16"] if words[0] == "train" else []))
    assert "'circle'" in refusal(done) and "Testing/" in refusal(done)
    assert not (shapes.parent / "cache").exists()


@pytest.mark.programs
def test_what_was_passed_over_is_said_once_for_many_models(command: Run, shapes: Path) -> None:
    (shapes / "Testing/circle/IMG.heic").write_bytes(HEIC)
    done = command("benchmarks", "accuracy", INT8, INT8.with_name("shapes_float16.tflite"), "--data", shapes)
    assert done.returncode == 0
    assert done.stderr.count("1 .heic") == 1


def test_an_image_by_content_is_read_in_a_class(tmp_path: Path) -> None:
    root = drawing.write_folder(tmp_path / "flat", {None: 6})
    first = next((root / "circle").iterdir())
    first.rename(first.with_suffix(""))
    data = folders.labeled_folder(root, drawing.LABELS)
    assert len(data) == 6 and all(np.asarray(data.image(i)).shape == (24, 30, 3) for i in range(6))
