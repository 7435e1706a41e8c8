"""Copies: on one side of every split, in no test's figure, and said; images under two labels in neither."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from device.data.cache_index import CopyCounts
from device.data.folders import Cache
from device.errors import UserError
from device.images import images
from tests import drawing
from tests.conftest import Run
from tests.train.caches import made_caches
from train.data import cache
from train.data.cache import DataRequest
from train.data.split import held_out

SIZE = (8, 8)


def noise(number: int) -> bytes:
    return images.encode_png(np.random.default_rng(number).integers(0, 256, (8, 8, 3), np.uint8))


def write(root: Path, images: dict[str, int]) -> Path:
    """{name: number}: the same number is the same image."""
    for name, number in images.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(noise(number))
    return root


def copied(root: Path, images: int, times: int) -> Path:
    """Two classes of noise with labels by lot, each image so many times: nothing to learn but by heart."""
    labels = {"a": 0, "b": 1000}
    names = {f"{c}/{i} ({k}).png": n + i for c, n in labels.items() for i in range(images) for k in range(times)}
    return write(root, names)


def hashes(made: Cache, split: str) -> list[str]:
    return made.hashes(split)


@pytest.mark.parametrize("seed", range(6))
def test_copies_stay_on_one_side_and_the_test_has_each_once(tmp_path: Path, seed: int) -> None:
    root = copied(tmp_path / "copies", 12, 5)
    made = cache.provide(DataRequest(str(root), SIZE, seed=seed))
    train, test = made.hashes("train"), made.hashes("test")
    assert set(train).isdisjoint(test)
    assert (len(set(train)), len(train)) == (20, 100)
    assert (len(set(test)), len(test)) == (4, 4) and np.bincount(made.targets("test")).tolist() == [2, 2]
    expected = {"under_two_labels": 0, "across": 0, "repeated_in_test": 16, "repeated": 80}
    assert made.index.copies == CopyCounts(**expected)


def test_the_notes_count_and_name(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = copied(tmp_path / "copies", 4, 3)
    for _ in range(2):  # also where the cache is there already
        cache.provide(DataRequest(str(root), SIZE))
        (line,) = capsys.readouterr().err.splitlines()
        assert str(root) in line and "16 images" in line and "a/0 (0).png = a/0 (1).png" in line


def earlier(targets: np.ndarray, share: float, seed: int) -> Iterator[int]:
    """The rows that were held out before copies were looked for, written anew from its description."""
    random = np.random.default_rng(seed)
    for target in np.unique(targets):
        mine = random.permutation(np.flatnonzero(targets == target))
        yield from mine[: min(len(mine) - 1, max(1, round(share * len(mine))))].tolist()


@pytest.mark.parametrize("seed", range(20))
def test_without_copies_the_draw_is_what_it_was(seed: int) -> None:
    random = np.random.default_rng(seed)
    targets = np.concatenate([np.arange(4), np.arange(4), random.integers(0, 4, 300)])
    share = random.uniform(0.01, 0.99)
    assert held_out(targets, np.arange(308), share, np.random.default_rng(seed)).tolist() == sorted(
        earlier(targets, share, seed)
    )


@pytest.mark.parametrize("seed", range(20))
def test_groups_of_any_size_and_of_several_classes_are_never_cut(seed: int) -> None:
    random = np.random.default_rng(seed)
    groups = random.integers(0, 60, 400)
    targets = random.integers(0, 3, 400)
    out = held_out(targets, groups, 0.25, random)
    rest = np.setdiff1d(np.arange(400), out)
    assert set(groups[out]).isdisjoint(groups[rest])
    assert set(targets[out]) == set(targets[rest]) == {0, 1, 2}
    assert 10 <= len(set(groups[out])) <= 30


def test_classes_that_are_one_group_cannot_be_split() -> None:
    with pytest.raises(UserError, match="'dog'"):
        held_out(np.array([0, 0, 1, 1]), np.array([0, 1, 2, 2]), 0.5, np.random.default_rng(1), ("cat", "dog"))
    # Each class has two groups, but they are the same two.
    out = held_out(np.array([0, 0, 1, 1]), np.array([0, 1, 0, 1]), 0.5, np.random.default_rng(1), ("cat", "dog"))
    assert len(out) == 2


def given(root: Path, count: int = 150) -> Path:
    """A given train/ and test/ of two classes, without a copy."""
    names = [f"{part}/{label}/{i}.png" for part in ("train", "test") for label in ("a", "b") for i in range(count)]
    return write(root, {name: number for number, name in enumerate(names)})


def test_few_copies_across_are_left_out_of_the_test(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = given(tmp_path / "given")
    shutil.copy(root / "train/a/3.png", root / "test/a/copy.png")
    shutil.copy(root / "train/b/4.png", root / "test/b/copy.png")
    shutil.copy(root / "test/b/5.png", root / "test/b/twice.png")
    made = cache.provide(DataRequest(str(root), SIZE))
    assert (len(made.targets("train")), len(made.targets("test"))) == (300, 300)
    assert set(made.hashes("train")).isdisjoint(made.hashes("test"))
    assert made.index.copies == CopyCounts(under_two_labels=0, across=2, repeated_in_test=1, repeated=0)
    across, twice = capsys.readouterr().err.splitlines()
    assert "2 images" in across and "train/a/3.png = test/a/copy.png" in across
    assert "1 images" in twice and "test/b/5.png = test/b/twice.png" in twice


def test_few_images_under_two_labels_are_in_neither(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = given(tmp_path / "given")
    shutil.copy(root / "train/a/3.png", root / "test/b/other.png")
    shutil.copy(root / "train/a/4.png", root / "train/b/other.png")
    made = cache.provide(DataRequest(str(root), SIZE))
    origins = {origin for split in made.index.splits.values() for origin in split.origins}
    assert origins.isdisjoint({"train/a/3.png", "test/b/other.png", "train/a/4.png", "train/b/other.png"})
    assert (len(made.targets("train")), len(made.targets("test"))) == (298, 300)
    assert made.index.copies and made.index.copies.under_two_labels == 4
    (line,) = capsys.readouterr().err.splitlines()
    assert "4 images" in line and "train/a/3.png = test/b/other.png" in line


def across(root: Path) -> Path:
    given(root, 10)
    for i in range(4):
        shutil.copy(root / f"train/a/{i}.png", root / f"test/a/copy{i}.png")
    return root


def across_under_two_labels(root: Path) -> Path:
    """Of the test alone more than 1 %, of all images less."""
    given(root, 150)
    for path in sorted((root / "test").rglob("*.png")):
        if int(path.stem) > 9:
            path.unlink()
    shutil.copy(root / "train/a/1.png", root / "test/b/other.png")
    return root


def two_labels(root: Path) -> Path:
    copied(root, 20, 1)
    for i in range(3):
        shutil.copy(root / f"a/{i} (0).png", root / f"b/again{i}.png")
    return root


@pytest.mark.parametrize(
    ("make", "named", "tested"),
    [
        (across, ("4 images", "train/a/0.png = test/a/copy0.png", "16.7%", "the test"), 20),
        (across_under_two_labels, ("2 images", "train/a/1.png = test/b/other.png", "4.8%", "the test"), 20),
        (two_labels, ("6 images", "a/0 (0).png = b/again0.png", "14.0%", "all images"), 7),
    ],
)
def test_many_are_an_error_unless_they_are_allowed(
    command: Run, tmp_path: Path, make: object, named: tuple[str, ...], tested: int
) -> None:
    root = make(tmp_path / "data")  # type: ignore[operator]
    done = command("train", "data", root, "--size", "8")
    assert (done.returncode, done.stdout, made_caches()) == (2, "", [])
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"error: {root}: ") and "--allow-copies" in line
    assert all(words in line for words in named), line
    done = command("train", "data", root, "--size", "8", "--allow-copies")
    assert done.returncode == 0, done.stderr
    assert all(words in done.stderr for words in named[:2])
    assert f"test {tested};" in done.stdout


def test_a_class_of_which_nothing_is_left(command: Run, tmp_path: Path) -> None:
    root = write(tmp_path / "both", {f"{label}/{i}.png": i for label in "ab" for i in range(8)})
    done = command("train", "data", root, "--size", "8", "--allow-copies")
    assert done.returncode == 2 and made_caches() == []
    line = done.stderr.splitlines()[-1]
    assert line.startswith(f"error: {root}: ") and "'a'" in line


def test_a_class_of_one_image_many_times(command: Run, tmp_path: Path) -> None:
    root = write(tmp_path / "one", {f"a/{i}.png": i for i in range(6)} | {f"b/{i}.png": 99 for i in range(6)})
    done = command("train", "data", root, "--size", "8")
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"error: {root}: ") and "'b'" in line


def test_files_that_cannot_be_read_are_no_copies_of_one_another(command: Run, tmp_path: Path) -> None:
    root = copied(tmp_path / "data", 6, 1)
    for label in "ab":
        (root / label / "gone.png").symlink_to("nowhere")
    done = command("train", "data", root, "--size", "8", "--skip-bad")
    assert "two labels" not in done.stderr


@pytest.mark.tensorflow
def test_noise_with_copies_is_not_learned(warm: Run, tmp_path: Path) -> None:
    """Before, five copies of each image gave 100 %: the test's were in training. The truth is chance."""
    root = copied(tmp_path / "copies", 40, 5)
    run = tmp_path / "run"
    settings = (
        "image_size=8x8",
        "network=tiny",
        "epochs=12",
        "batch_size=16",
        "learning_rate=0.01",
        "horizontal_flip=false",
    )
    words = [word for setting in (*settings, "grayscale=false", "validation_split=0.25") for word in ("--set", setting)]
    done = warm("train", "fashion_mnist", "--data", root, "--run", run, *words)
    assert done.returncode == 0, done.stderr
    result = json.loads((run / "evaluation.json").read_bytes())
    assert result["n"] == 16 and result["interval"][0] < 0.5 < result["interval"][1]
    record = json.loads((run / "run.json").read_bytes())
    assert record["data"]["copies"] == {"under_two_labels": 0, "across": 0, "repeated_in_test": 64, "repeated": 256}
    (made,) = made_caches()
    known = np.array(json.loads((made / "index.json").read_bytes())["splits"]["train"]["hashes"])
    held = np.isin(np.arange(len(known)), record["split"]["validation_rows"])
    assert set(known[held]).isdisjoint(known[~held]) and len(set(known[held])) == 16
    history = json.loads((run / "history.json").read_bytes())
    assert max(history["accuracy"]) > 0.9 and min(history["val_accuracy"]) < 0.8


def test_drawn_shapes_have_no_copies(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = drawing.write_folder(tmp_path / "shapes", {"train": 30, "test": 15})
    assert cache.provide(DataRequest(str(root), SIZE)).index.copies == CopyCounts(0, 0, 0, 0)
    assert capsys.readouterr().err == ""
