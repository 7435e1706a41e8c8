"""Which images are the same again, and what a model is measured on."""

from pathlib import Path

import numpy as np
import pytest

from device.data import copies, folders
from device.data.content import file_hash
from device.errors import UserError
from device.images import images
from tests.conftest import Run, model

LABELS = ("circle", "square", "triangle")


def test_equal_hashes_are_a_group_and_unreadable_files_are_nobody_s_copies() -> None:
    assert copies.groups_of(["b", "a", "", "b", "", "a"]).tolist() == [0, 1, 2, 0, 3, 1]
    assert copies.groups_of([]).tolist() == []


def test_what_groups_say_of_labels_parts_and_order() -> None:
    groups = np.array([0, 1, 0, 2, 1, 0])
    assert copies.under_two_labels(groups, np.array([5, 3, 5, 0, 4, 5])).tolist() == [
        *(False, True, False, False, True, False)
    ]
    assert copies.of_an_earlier_part(groups, np.array([0, 2, 2, 2, 1, 0])).tolist() == [
        *(False, True, True, False, False, False)
    ]
    assert copies.repeated(groups).tolist() == [False, False, True, False, True, True]
    assert copies.first_of(groups).tolist() == [0, 1, 0, 3, 1, 0]


def test_no_image_at_all() -> None:
    none = np.zeros(0, np.int64)
    assert copies.under_two_labels(none, none).tolist() == copies.repeated(none).tolist() == []


def write(root: Path, **names: int) -> Path:
    """label__name=number: an image of noise, the same for the same number."""
    for name, number in names.items():
        label, _, file = name.partition("__")
        (root / label).mkdir(parents=True, exist_ok=True)
        noise = np.random.default_rng(number).integers(0, 256, (8, 8, 3), np.uint8)
        (root / label / f"{file}.png").write_bytes(images.encode_png(noise))
    return root


def found(data: folders.Labeled) -> list[str]:
    return [f"{path.parent.name}/{path.stem}" for path in data.sources if isinstance(path, Path)]


def test_an_image_under_two_labels_is_no_test_and_a_repeated_one_counts_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = write(tmp_path / "test", circle__a=1, circle__b=1, circle__c=2, square__d=2, square__e=3, triangle__f=4)
    data = folders.labeled_folder(root, LABELS)
    assert (found(data), data.left_out) == (["circle/a", "square/e", "triangle/f"], 3)
    assert data.targets.tolist() == [0, 1, 2]
    assert [data.hash_of(i) for i in range(3)] == [file_hash(path) for path in data.files()]
    two, again = capsys.readouterr().err.splitlines()
    assert str(root) in two and "2 images" in two and "circle/c.png = square/d.png" in two
    assert str(root) in again and "1 images" in again and "circle/a.png = circle/b.png" in again
    folders.labeled_folder(root, LABELS)
    assert capsys.readouterr().err == "", "for four variants it is said once"


def test_a_folder_with_nothing_else_is_refused(tmp_path: Path) -> None:
    root = write(tmp_path / "test", circle__a=1, square__b=1)
    with pytest.raises(UserError, match="every image is a training image or is under two labels"):
        folders.labeled_folder(root, LABELS)


def test_accuracy_counts_each_image_once(command: Run, tmp_path: Path) -> None:
    root = write(tmp_path / "test", circle__a=1, circle__b=1, circle__c=2, square__d=2, square__e=3, triangle__f=4)
    done = command("benchmarks", "accuracy", model("int8"), "--data", root)
    assert done.returncode == 0, done.stderr
    assert "n 3" in done.stdout and "circle/c.png = square/d.png" in done.stderr
