"""A folder that is a level too high is refused, and what is passed over in one is said."""

from pathlib import Path

import pytest

from device.data import folders
from device.errors import UserError
from tests import drawing
from tests.conftest import Run


@pytest.fixture
def two_sets(tmp_path: Path) -> Path:
    """A folder of two data sets, each with train/ and test/."""
    for name in ("even_more", "images"):
        drawing.write_folder(tmp_path / "sets" / name, {"train": 6, "test": 3})
    return tmp_path / "sets"


def test_a_level_too_high_is_refused(command: Run, two_sets: Path) -> None:
    """It would be a data set of the classes 'even_more' and 'images'."""
    done = command("train", "data", two_sets, "--size", "16")
    assert done.returncode == 2
    assert done.stderr.splitlines() == [
        f"error: {two_sets}: even_more/ holds train/ and test/, so this is a level too high; give {two_sets}/even_more"
    ]
    assert folders.read_folder(two_sets / "even_more").labels == drawing.LABELS


def test_so_is_one_with_a_single_data_set(two_sets: Path) -> None:
    (two_sets / "even_more").rename(two_sets.parent / "even_more")
    with pytest.raises(UserError, match=r"images/ holds train/ and test/, so this is a level too high"):
        folders.read_folder(two_sets)


def test_nested_folders_of_a_class_are_no_data_set(tmp_path: Path) -> None:
    """Also where one is called train."""
    folder = drawing.write_folder(tmp_path / "shapes", {None: 9})
    (folder / "circle/train").mkdir()
    for path in list((folder / "circle").glob("*.png"))[:2]:
        path.rename(folder / "circle/train" / path.name)
    found = folders.read_folder(folder)
    assert (found.labels, len(found.files), found.note) == (drawing.LABELS, 9, "")


def test_what_is_beside_the_class_folders_is_said(command: Run, shapes_folder: Path) -> None:
    drawing.write_folder(shapes_folder, {"other": 6})
    image = next((shapes_folder / "train/circle").glob("*.png")).read_bytes()
    (shapes_folder / "train/loose.png").write_bytes(image)
    (shapes_folder / "loose.png").write_bytes(image)
    (shapes_folder / ".hidden.png").write_bytes(image)
    found = folders.read_folder(shapes_folder)
    assert len(found.files) == 90
    said = (
        "1 directly in shapes/, 1 directly in train/ (outside of class folders), 1 other/ (beside the splits), 1 hidden"
    )
    assert found.note == f"{shapes_folder}: passed over: {said}"
    done = command("train", "data", shapes_folder, "--size", "16")
    assert done.returncode == 0, done.stderr
    assert done.stderr.splitlines() == [f"note: {found.note}"]
    assert "images train 60, test 30;" in done.stdout


def test_a_plain_folder_has_nothing_to_say(shapes_folder: Path) -> None:
    assert folders.read_folder(shapes_folder).note == ""
