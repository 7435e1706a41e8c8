"""The image cache: what is in it, what makes it another one, and that it is whole or not there."""

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from device.data import folders
from device.data.cache_index import SplitSettings
from device.data.folders import Cache
from device.errors import UserError
from device.images import images
from device.model.card import Fit
from tests import drawing
from tests.conftest import Run
from tests.device.refusals import says
from tests.train.caches import made_caches
from train.data import cache
from train.data.cache import DataRequest

SIZE = (12, 16)


def request(folder: Path, **changes: object) -> DataRequest:
    return replace(DataRequest(str(folder), SIZE), **changes)  # type: ignore[arg-type]


def pixels(folder: Path, origins: Sequence[str], fit: Fit = "crop") -> npt.NDArray[np.uint8]:
    return np.stack([images.preprocess(images.read(folder / origin), SIZE, fit) for origin in origins])


@pytest.mark.parametrize("fit", ["crop", "stretch", "pad"])
def test_a_cache_holds_what_the_image_path_makes_of_the_files(shapes_folder: Path, fit: Fit) -> None:
    made = cache.provide(request(shapes_folder, fit=fit))
    for split, count in (("train", 60), ("test", 30)):
        part = made.index.splits[split]
        assert made.images(split).dtype == np.uint8
        assert made.images(split).shape == (count, *SIZE, 3)
        np.testing.assert_array_equal(made.images(split), pixels(shapes_folder, part.origins, fit))
        labels = [made.labels[target] for target in part.targets]
        assert labels == [origin.split("/")[1] for origin in part.origins]
        files = [(shapes_folder / origin).read_bytes() for origin in part.origins]
        assert list(part.hashes) == [hashlib.sha256(data).hexdigest() for data in files]
    everything = sorted(str(path.relative_to(shapes_folder)) for path in shapes_folder.rglob("*.png"))
    assert sorted(o for part in made.index.splits.values() for o in part.origins) == everything


def test_the_index_says_what_the_cache_is(shapes_folder: Path) -> None:
    made = cache.provide(request(shapes_folder))
    index = json.loads((made.path / "index.json").read_text())
    assert index.pop("splits").keys() == {"train", "test"}
    assert index == {
        "schema": 1,
        "name": "shapes",
        "fingerprint": made.fingerprint,
        "labels": ["circle", "square", "triangle"],
        "height": 12,
        "width": 16,
        "fit": "crop",
        "origin": str(shapes_folder),
        "split": {"test": 0.2, "seed": 1},
        "skipped": [],
        "copies": {"under_two_labels": 0, "across": 0, "repeated_in_test": 0, "repeated": 0},
    }
    assert made.path == folders.cache_root() / f"shapes-{made.fingerprint}-12x16-crop"
    assert sorted(path.name for path in made.path.iterdir()) == ["index.json", "test.npy", "train.npy"]
    assert made_caches() == [made.path]


def members(made: Cache, split: str) -> list[str]:
    return list(made.index.splits[split].origins)


def test_one_level_is_split_by_the_seed(flat: Path) -> None:
    made = cache.provide(request(flat, test=0.25, seed=3))
    assert made.index.split == SplitSettings(test=0.25, seed=3)
    assert set(members(made, "train")).isdisjoint(members(made, "test"))
    assert len(members(made, "train") + members(made, "test")) == 60
    for split, count in (("train", 15), ("test", 5)):  # of the 20 of each label
        assert np.bincount(made.targets(split)).tolist() == [count] * 3
        np.testing.assert_array_equal(made.images(split), pixels(flat, members(made, split)))


def test_the_same_seed_draws_the_same_split_and_another_seed_another(flat: Path) -> None:
    first = cache.provide(request(flat, seed=3))
    shutil.rmtree(first.path)
    again = cache.provide(request(flat, seed=3))
    other = cache.provide(request(flat, seed=4))
    assert members(first, "test") == members(again, "test")
    assert first.fingerprint == again.fingerprint
    assert set(members(first, "test")) != set(members(other, "test"))
    assert first.fingerprint != other.fingerprint
    assert len(made_caches()) == 2


@pytest.mark.parametrize("share", [0.01, 0.99])
def test_both_parts_keep_an_image_of_every_label(flat: Path, share: float) -> None:
    made = cache.provide(request(flat, test=share))
    for split in ("train", "test"):
        assert set(made.targets(split).tolist()) == {0, 1, 2}


def change_a_pixel(folder: Path) -> None:
    path = folder / "train/circle/0000.png"
    image = images.read(path)
    image[0, 0] ^= 1
    path.write_bytes(images.encode_png(image))


def rename(old: str, new: str) -> Callable[[Path], object]:
    return lambda folder: (folder / old).rename(folder / new)


def rename_label(folder: Path) -> None:
    for split in ("train", "test"):
        (folder / split / "circle").rename(folder / split / "disc")


@pytest.mark.parametrize(
    "change",
    [
        change_a_pixel,
        rename("train/circle/0000.png", "train/circle/first.png"),
        rename("train/circle/0000.png", "train/square/0000.png"),
        rename("train/circle/0000.png", "test/circle/9999.png"),
        rename_label,
        lambda folder: (folder / "train/circle/0000.png").unlink(),
    ],
    ids=["pixel", "name", "label", "split", "label's name", "removed"],
)
def test_the_fingerprint_changes_with_the_data(shapes_folder: Path, change: Callable[[Path], object]) -> None:
    before = cache.provide(request(shapes_folder))
    change(shapes_folder)
    after = cache.provide(request(shapes_folder))
    assert after.fingerprint != before.fingerprint
    assert after.path != before.path


def test_the_fingerprint_depends_on_nothing_else(shapes_folder: Path, tmp_path: Path) -> None:
    """Not on place, time, hidden files, files that are no images, the size, or a seed that splits nothing."""
    before = cache.provide(request(shapes_folder))
    moved = shutil.copytree(shapes_folder, tmp_path / "elsewhere/shapes")
    (moved / "train/circle/.hidden.png").write_bytes(b"x")
    (moved / "train/circle/notes.txt").write_bytes(b"x")
    os.utime(moved / "train/circle/0000.png", (0, 0))
    assert cache.provide(request(moved)).path == before.path
    other = cache.provide(request(moved, size=(8, 8), seed=2, test=0.5))
    assert other.fingerprint == before.fingerprint
    assert other.path != before.path


def test_a_cache_that_is_there_is_not_made_again(shapes_folder: Path) -> None:
    made = cache.provide(request(shapes_folder))
    times = {path.name: path.stat().st_mtime_ns for path in made.path.iterdir()}
    assert cache.provide(request(shapes_folder)).path == made.path
    assert {path.name: path.stat().st_mtime_ns for path in made.path.iterdir()} == times


@pytest.mark.parametrize("name", ["train.npy", "test.npy", "index.json"])
def test_a_damaged_cache_is_made_again(shapes_folder: Path, name: str) -> None:
    made = cache.provide(request(shapes_folder))
    before = (made.path / name).read_bytes()
    (made.path / name).write_bytes(before[: len(before) // 2])
    assert folders.open_cache(made.path) is None
    assert cache.provide(request(shapes_folder)).path == made.path
    assert (made.path / name).read_bytes() == before


def test_hidden_files_are_passed_over_and_other_files_counted(
    shapes_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (shapes_folder / "train/circle/.0000.png").write_bytes(b"left over by a copy")
    (shapes_folder / "train/.thumbnails").mkdir()
    (shapes_folder / "train/.thumbnails/small.png").write_bytes(b"x")
    (shapes_folder / "train/circle/Thumbs.db").write_bytes(b"x")
    (shapes_folder / "test/square/notes.txt").write_bytes(b"x")
    made = cache.provide(request(shapes_folder))
    assert len(made.targets("train")) == 60
    assert made.labels == drawing.LABELS
    said = "1 .txt (no images), 1 Thumbs.db (the system's), 2 hidden"
    assert capsys.readouterr().err == f"note: {shapes_folder}: passed over: {said}\n"


def test_names_from_an_old_archive_are_taken(shapes_folder: Path) -> None:
    """Unpacked from a ZIP made in another encoding, a file's name is no UTF-8."""
    name = os.fsdecode(b"\xb0\xad\xbe\xc6\xc1\xf6.png")
    (shapes_folder / "train/circle/0000.png").rename(shapes_folder / "train/circle" / name)
    made = cache.provide(request(shapes_folder))
    assert f"train/circle/{name}" in members(made, "train")
    np.testing.assert_array_equal(made.images("train"), pixels(shapes_folder, members(made, "train")))


def test_a_folder_called_like_a_data_set_is_not_taken_for_it(tmp_path: Path) -> None:
    folder = drawing.write_folder(tmp_path / "fashion_mnist", {"train": 6, "test": 6})
    made = cache.provide(request(folder))
    assert made.labels == drawing.LABELS
    assert folders.find_cache("fashion_mnist", SIZE, "crop") is None


def test_a_cache_of_a_folder_is_not_taken_for_a_data_set(shapes_folder: Path) -> None:
    """The folder isn't here, or was misspelled: what is trained doesn't depend on what was trained before."""
    name = cache.provide(request(shapes_folder)).name
    with pytest.raises(UserError) as raised:
        cache.provide(DataRequest(name, SIZE))
    says(str(raised.value), f"unknown data set {name!r}, ", "expected ", "--data")


def test_images_of_many_kinds_become_one(tmp_path: Path) -> None:
    """Gray, with alpha, 16 bits, other sizes and formats: each is what the image path makes of it."""
    folder = drawing.write_folder(tmp_path / "mixed", {"train": 6, "test": 6})
    label = folder / "train/circle"
    image = drawing.shape("circle", np.random.default_rng(1), (40, 31))
    cv2.imwrite(str(label / "gray.png"), image[..., 0])
    cv2.imwrite(str(label / "alpha.png"), np.dstack([image, image[..., 0]]))
    cv2.imwrite(str(label / "deep.png"), image.astype(np.uint16) * 257)
    cv2.imwrite(str(label / "photo.JPG"), image)
    cv2.imwrite(str(label / "bitmap.bmp"), image)
    cv2.imwrite(str(label / "dot.png"), image[:1, :1])
    made = cache.provide(request(folder))
    assert len(made.targets("train")) == 12
    np.testing.assert_array_equal(made.images("train"), pixels(folder, members(made, "train")))


def test_train_data_says_what_it_made(command: Run, flat: Path) -> None:
    done = command("train", "data", "flat", "--size", "12x16", "--test", "0.1")
    assert done.returncode == 0, done.stderr
    (path,) = made_caches()
    assert done.stdout.splitlines() == [
        str(path),
        f"images train 54, test 6; from {flat}",
        "3 classes (train/test): circle 18/2, square 18/2, triangle 18/2",
    ]
