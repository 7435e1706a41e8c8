"""cats_vs_dogs by name: the archive as Microsoft packs it, drawn small, with broken images and foreign entries."""

import zipfile
from pathlib import Path

import numpy as np
import pytest

from device.errors import UserError
from device.images import images
from tests.conftest import Run
from tests.device.refusals import says
from train.datasets import pet_images


def archive(path: Path, count: int, broken: tuple[int, ...] = ()) -> Path:
    """PetImages/{Cat,Dog}/N.jpg in an order that isn't that of the numbers; cats are dark, dogs are bright."""
    random = np.random.default_rng(1)
    path.parent.mkdir(parents=True)
    with zipfile.ZipFile(path, "w") as target:
        target.writestr("readme[1].txt", "not an image")
        target.writestr("../PetImages/Cat/7777.jpg", "outside")
        for name, light in (("Dog", 128), ("Cat", 0)):
            for i in reversed(range(count)):
                # The first pixels' blue tells which it is.
                image = random.integers(light, light + 100, (24, 30, 3), np.uint8)
                image[:8, :8] = (0, 0, 4 * i)
                data = images.encode_jpeg(image, 95)
                target.writestr(f"PetImages/{name}/{i}.jpg", data[: len(data) // 2] if i in broken else data)
            target.writestr(f"PetImages/{name}/Thumbs.db", b"\0")
    return path


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """own_places has set KERAS_HOME to it."""
    return tmp_path / "keras"


def test_the_first_readable_ones_of_each_class(home: Path) -> None:
    archive(home / "datasets" / pet_images.ARCHIVE, 40, broken=(0, 3))
    folder = pet_images.provide("cats_vs_dogs_20")
    assert folder == home / "datasets/cats_vs_dogs_20"
    for label in ("cat", "dog"):
        names = {split: sorted(int(p.stem) for p in (folder / split / label).iterdir()) for split in ("train", "test")}
        readable = [i for i in range(40) if i not in (0, 3)]
        assert names == {"train": readable[:20], "test": readable[20:22]}
        for path in (folder / "train" / label).iterdir():
            assert abs(int(images.read(path)[2, 2, 2]) - 4 * int(path.stem)) < 12
    assert not list(home.rglob("7777.jpg")) and not (home.parent / "PetImages").exists()
    assert {path.name for path in (home / "datasets").iterdir()} == {pet_images.ARCHIVE, "cats_vs_dogs_20"}


def test_all_images_but_the_broken_ones_are_split(home: Path) -> None:
    archive(home / "datasets" / pet_images.ARCHIVE, 24, broken=(5,))
    folder = pet_images.provide("cats_vs_dogs_all")
    counts = {split: len(list((folder / split / "dog").iterdir())) for split in ("train", "test")}
    assert counts == {"train": 21, "test": 2}


def test_too_few_are_refused_and_nothing_is_left(home: Path) -> None:
    archive(home / "datasets" / pet_images.ARCHIVE, 21, broken=(1,))
    with pytest.raises(UserError, match=r"20 .* Cat, expected 22"):
        pet_images.provide("cats_vs_dogs_20")
    assert [path.name for path in (home / "datasets").iterdir()] == [pet_images.ARCHIVE]


@pytest.mark.tensorflow
def test_a_download_that_is_another_file_is_refused(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = archive(home / "other.zip", 22)
    monkeypatch.setattr(pet_images, "URL", other.as_uri())  # the published one has 800 MB
    with pytest.raises(UserError, match=r"tried .* hash"):
        pet_images.provide("cats_vs_dogs_20")
    assert not list((home / "datasets").glob("*")), "the next command would take it"


def test_a_damaged_archive_is_named(home: Path) -> None:
    path = archive(home / "datasets" / pet_images.ARCHIVE, 22)
    path.write_bytes(path.read_bytes()[:500])
    with pytest.raises(UserError, match=r"unpacked .* remove it"):
        pet_images.provide("cats_vs_dogs_20")
    assert [found.name for found in (home / "datasets").iterdir()] == [pet_images.ARCHIVE]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("cats_vs_dogs", True), ("cats_vs_dogs_20", True), ("cats_vs_dogs_all", True),
        ("cats_vs_dogs_0", False), ("cats_vs_dogs_", False), ("cats_vs_dogs_folder", False), ("cats", False),
    ],
)  # fmt: skip
def test_which_names_are_this_data_set_s(name: str, expected: bool) -> None:
    assert pet_images.is_name(name) == expected


def test_the_cache_has_the_name_so_others_find_it(command: Run, home: Path, tmp_path: Path) -> None:
    archive(home / "datasets" / pet_images.ARCHIVE, 30, broken=(2,))
    done = command("train", "cats_vs_dogs", "--set", "images_per_class=20", "--set", "image_size=16x16", "--only-data")
    assert done.returncode == 0, done.stderr
    (cache,) = (tmp_path / "cache").iterdir()
    assert cache.name.startswith("cats_vs_dogs_20-") and cache.name.endswith("-16x16-crop")
    assert "2 classes (train/test): cat 20/2, dog 20/2" in done.stdout
    assert ": PetImages/Cat/2.jpg, PetImages/Dog/2.jpg" in done.stderr
    # By name alone, also where the archive is gone.
    (home / "datasets" / pet_images.ARCHIVE).unlink()
    again = command("train", "data", "cats_vs_dogs_20", "--size", "16x16")
    assert again.returncode == 0, again.stderr


@pytest.mark.tensorflow
def test_without_archive_and_network_one_line_says_what_to_do(warm: Run, home: Path) -> None:
    done = warm("train", "cats_vs_dogs")
    assert done.returncode == 2
    line = done.stderr.splitlines()[-1]
    says(line, "error: ", " cats_vs_dogs ", f" {home}/datasets/kagglecatsanddogs", "--data DIR")


def test_a_folder_of_that_name_is_a_folder(command: Run, tmp_path: Path, shapes_folder: Path) -> None:
    shapes_folder.rename(tmp_path / "cats_vs_dogs")
    done = command("train", "data", "./cats_vs_dogs", "--size", "16x16")
    assert done.returncode == 0, done.stderr
    (cache,) = (tmp_path / "cache").iterdir()
    assert cache.name.startswith("cats_vs_dogs_folder-")
