"""Labeled images: folders as they lie there, caches that train made, labels by name, training images left out."""

import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from device.data import folders
from device.errors import UserError
from device.images import images
from device.model.model_data import ModelData
from tests import drawing
from tests.device.refusals import says
from train.data import cache as caches

SIZE = (16, 16)


def touch(root: Path, *names: str) -> Path:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"not decoded here")
    return root


def seen(folder: folders.Folder) -> list[tuple[str, str, str | None]]:
    return [(str(file.path.relative_to(folder.root)), file.label, file.split) for file in folder.files]


# Folders.


def test_a_folder_of_one_level(tmp_path: Path) -> None:
    root = touch(tmp_path, "dog/b.jpg", "dog/deep/er/a.PNG", "cat/c.webp", "cat/notes.txt", "README.md")
    touch(root, ".git/x.png", "cat/.hidden.png", "cat/.thumbs/y.png", "cat/deep/notes.txt")
    folder = folders.read_folder(root)
    assert folder.labels == ("cat", "dog")
    assert not folder.has_splits
    assert seen(folder) == [
        ("cat/c.webp", "cat", None),
        ("dog/b.jpg", "dog", None),
        ("dog/deep/er/a.PNG", "dog", None),
    ]
    assert folder.note == f"{root}: passed over: 2 .txt, 1 .md (no images), 3 hidden"


def test_a_folder_with_splits(tmp_path: Path) -> None:
    root = touch(tmp_path, "train/cat/1.png", "train/dog/2.png", "test/cat/3.png", "test/dog/4.png", "other/x/5.png")
    folder = folders.read_folder(root)
    assert folder.has_splits
    assert [file.path.name for file in folder.split("train")] == ["1.png", "2.png"]
    assert [file.path.name for file in folder.split("test")] == ["3.png", "4.png"]


def test_test_alone_is_a_folder_with_splits(tmp_path: Path) -> None:
    folder = folders.read_folder(touch(tmp_path, "test/cat/3.png", "test/dog/4.png"))
    assert folder.has_splits and folder.split("train") == [] and len(folder.split("test")) == 2


@pytest.mark.parametrize(
    ("names", "facts"),
    [
        ([], ("0 other files", "DIR/LABEL/…", "DIR/{train,test}/LABEL/…")),
        (["cat/notes.txt", "dog/notes.txt"], ("2 other files",)),
        (["1.png", "2.png"], ("no images",)),
        (["cat/1.png", "dog/notes.txt"], ("'cat'", "'dog'")),
        (["cat/1.png"], ("'cat'", "two")),
        (["train/cat/1.png", "train/dog/2.png", "test/cat/3.png"], ("'dog'", "test/")),
    ],
)
def test_folders_that_are_no_data_set(names: list[str], facts: tuple[str, ...], tmp_path: Path) -> None:
    with pytest.raises(UserError) as raised:
        folders.read_folder(touch(tmp_path, *names))
    says(str(raised.value), f"{tmp_path}: ", *facts)


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    for path in (touch(tmp_path, "file.png") / "file.png", tmp_path / "none"):
        with pytest.raises(UserError, match="no such folder"):
            folders.read_folder(path)


def test_labels_match_by_name_not_by_order() -> None:
    assert folders.match_labels(["b", "a"], ["a", "x", "b"], "data").tolist() == [2, 0]
    with pytest.raises(UserError) as raised:
        folders.match_labels(["a", "cow"], [*"abcdefg"], "farm")
    says(str(raised.value), "farm: ", "'cow'", "a, b, c, d, e … (7)")


def test_the_content_hash_is_sha256() -> None:
    assert folders.content_hash(b"abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


def test_a_folder_as_labeled_images(shapes_folder: Path) -> None:
    labels = ("triangle", "square", "circle")  # the model's order, not the folder's
    data = folders.labeled_folder(shapes_folder, labels)
    assert (len(data), data.split, data.left_out, data.labels) == (30, "test", 0, labels)
    for i in (0, 15, 29):
        path = data.sources[i]
        assert isinstance(path, Path) and path.parts[-3] == "test"
        assert labels[data.targets[i]] == path.parent.name
        assert np.array_equal(data.image(i), images.read(path))


def test_a_folder_of_one_level_counts_whole(tmp_path: Path) -> None:
    root = drawing.write_folder(tmp_path / "flat", {None: 12})
    assert len(folders.labeled_folder(root, drawing.LABELS)) == 12


def test_a_folder_that_lacks_the_split(tmp_path: Path) -> None:
    root = drawing.write_folder(tmp_path / "shapes", {"train": 6})
    with pytest.raises(UserError, match=r"no images in test/; .*/test/LABEL/"):
        folders.labeled_folder(root, drawing.LABELS)


# Caches.


def write_cache(name: str, fingerprint: str, size: tuple[int, int] = SIZE, count: int = 6, **changes: Any) -> Path:
    """A cache as the module's first lines describe it, by hand: image i is of color i."""
    folder = folders.cache_root() / f"{name}-{fingerprint}-{size[0]}x{size[1]}-crop"
    folder.mkdir(parents=True)
    splits = {}
    for split, first in (("train", 0), ("test", 100)):
        colors = np.arange(first, first + count, dtype=np.uint8)[:, None, None, None]
        np.save(folder / f"{split}.npy", np.broadcast_to(colors, (count, *size, 3)))
        hashes = [f"{split}{i}" for i in range(count)]
        splits[split] = {"targets": [i % 2 for i in range(count)], "hashes": hashes, "origins": hashes}
    index = {
        "name": name,
        "fingerprint": fingerprint,
        "labels": ["cat", "dog"],
        "height": size[0],
        "width": size[1],
        "fit": "crop",
        "origin": "drawn",
        "split": {"test": 0.2, "seed": 1},
        "skipped": [],
        "splits": splits,
        **changes,
    }
    (folder / "index.json").write_text(json.dumps(index))
    return folder


def test_a_cache_is_read_as_it_lies_there() -> None:
    path = write_cache("pets", "aaaa", (4, 6))
    cache = folders.open_cache(path)
    assert cache is not None
    assert (cache.name, cache.fingerprint, cache.labels, cache.size, cache.fit) == (
        *("pets", "aaaa", ("cat", "dog")),
        *((4, 6), "crop"),
    )
    assert cache.targets("train").tolist() == [0, 1, 0, 1, 0, 1]
    assert cache.hashes("test")[0] == "test0"
    array = cache.images("test")
    assert array.shape == (6, 4, 6, 3) and array[2].min() == array[2].max() == 102
    assert isinstance(array, np.memmap)  # it may be larger than memory
    assert folders.cache_folder("pets", "aaaa", (4, 6), "crop") == path


def test_the_cache_lies_where_the_environment_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FRAMELITE_CACHE", str(tmp_path / "here"))
    assert folders.cache_root() == tmp_path / "here"
    monkeypatch.setenv("FRAMELITE_CACHE", "")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert folders.cache_root() == tmp_path / ".cache/framelite"


def test_an_unfinished_or_damaged_cache_is_none() -> None:
    assert folders.open_cache(folders.cache_root() / "nothing") is None
    no_index = write_cache("a", "1")
    (no_index / "index.json").unlink()
    assert folders.open_cache(no_index) is None
    words = write_cache("b", "1")
    (words / "index.json").write_text("[1, 2]")
    assert folders.open_cache(words) is None
    short = write_cache("c", "1")
    np.save(short / "test.npy", np.zeros((5, *SIZE, 3), np.uint8))
    assert folders.open_cache(short) is None
    cut = write_cache("d", "1")
    (cut / "train.npy").write_bytes((cut / "train.npy").read_bytes()[:-100])
    assert folders.open_cache(cut) is None
    assert folders.open_cache(write_cache("e", "1", labels=5)) is None
    assert folders.open_cache(write_cache("f", "1", height="tall")) is None


def test_the_newest_cache_or_the_one_asked_for() -> None:
    old, new = write_cache("pets", "old1"), write_cache("pets", "new1")
    write_cache("pets-more", "x1")
    write_cache("pets", "big1", (32, 32))
    os.utime(old / "index.json", (1, 1))
    found = folders.find_cache("pets", SIZE, "crop")
    assert found is not None and found.path == new
    found = folders.find_cache("pets", SIZE, "crop", "old1")
    assert found is not None and found.path == old
    assert folders.find_cache("pets", SIZE, "crop", "none") is None
    assert folders.find_cache("pets", (8, 8), "crop") is None
    assert folders.find_cache("pets", SIZE, "pad") is None


@pytest.mark.parametrize("name", ["*", "a**", "[pets]", "pet?", "p*"])
def test_a_name_is_no_pattern(name: str) -> None:
    write_cache("pets", "aaaa")
    assert folders.find_cache(name, SIZE, "crop") is None
    assert folders.training_hashes(name) == frozenset()


def test_a_cache_as_labeled_images() -> None:
    write_cache("pets", "aaaa")
    data = folders.labeled("pets", ModelData(("dog", "cow", "cat"), SIZE))
    assert (len(data), data.split, data.left_out) == (6, "test", 0)
    assert data.targets.tolist() == [2, 0, 2, 0, 2, 0]
    assert data.image(3).shape == (*SIZE, 3) and data.image(3).max() == 103
    with pytest.raises(UserError, match=r"'dog', .*cat, cow"):
        folders.labeled("pets", ModelData(("cat", "cow"), SIZE))


def test_data_that_is_nowhere_says_how_to_make_it() -> None:
    with pytest.raises(UserError) as raised:
        folders.labeled("pets", ModelData(("a", "b"), (28, 30)))
    assert str(raised.value) == (
        "the data 'pets' is neither a folder nor in the cache at 28x30 crop; create it with: python -m train data pets"
        " --size 28x30"
    )
    with pytest.raises(UserError, match=r"--size 28x30 --fit pad$"):
        folders.labeled("pets", ModelData(("a", "b"), (28, 30), "pad"))


def test_a_path_is_never_a_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for data in ("./none", "none/", str(tmp_path / "none")):
        with pytest.raises(UserError, match="no such folder"):
            folders.labeled(data, ModelData(("a", "b"), SIZE))
    drawing.write_folder(tmp_path / "local", {None: 6})
    assert len(folders.labeled("local", ModelData(drawing.LABELS, SIZE))) == 6


# Images that the model was trained on.


def trained_on(fingerprint: str, size: tuple[int, int] = SIZE) -> ModelData:
    return ModelData(drawing.LABELS, size, fingerprint=fingerprint)


def test_training_images_are_left_out_and_counted(tmp_path: Path) -> None:
    """train's own cache says which those are, whatever folder they come back in."""
    root = drawing.write_folder(tmp_path / "shapes", {None: 30})
    cache = caches.provide(caches.DataRequest(str(root), SIZE, test=0.4, seed=3))
    assert (len(cache.targets("train")), len(cache.targets("test"))) == (18, 12)
    assert len(folders.training_hashes(cache.fingerprint)) == 18

    data = folders.labeled(str(root), trained_on(cache.fingerprint))
    assert (len(data), data.left_out) == (12, 18)
    kept = {str(path.relative_to(root)) for path in data.sources if isinstance(path, Path)}
    assert kept == set(cache.index.splits["test"].origins)

    for i, path in enumerate(root.rglob("*.png")):
        path.rename(path.with_name(f"renamed{i}.png"))
    assert folders.labeled(str(root), trained_on(cache.fingerprint)).left_out == 18
    assert folders.labeled(str(root), trained_on("another")).left_out == 0
    assert folders.labeled_folder(root, drawing.LABELS).left_out == 0


def test_training_images_alone_are_refused(tmp_path: Path) -> None:
    root = drawing.write_folder(tmp_path / "shapes", {"train": 6, "test": 6})
    cache = caches.provide(caches.DataRequest(str(root), SIZE))
    (root / "test").rename(tmp_path / "away")
    (root / "train").rename(root / "test")
    with pytest.raises(UserError, match=r"all 6 images .*training images"):
        folders.labeled(str(root), trained_on(cache.fingerprint))


def test_another_split_of_the_same_name_leaves_training_images_out(tmp_path: Path) -> None:
    """Two splits of one folder; the model was trained on the first, and only the second is there at this size."""
    root = drawing.write_folder(tmp_path / "flat", {None: 60}, seed=5)
    first = caches.provide(caches.DataRequest(str(root), (8, 8), test=0.3, seed=1))
    second = caches.provide(caches.DataRequest(str(root), (16, 16), test=0.3, seed=2))
    shared_images = len(set(first.hashes("train")) & set(second.hashes("test")))
    assert 0 < shared_images < len(second.targets("test"))
    found = folders.labeled("flat", trained_on(first.fingerprint, (16, 16)))
    assert (len(found), found.left_out) == (len(second.targets("test")) - shared_images, shared_images)
    assert folders.labeled("flat", trained_on(second.fingerprint, (16, 16))).left_out == 0


def test_what_an_earlier_network_was_trained_on_is_left_out_too(tmp_path: Path) -> None:
    root = drawing.write_folder(tmp_path / "shapes", {None: 30})
    older, cache = (caches.provide(caches.DataRequest(str(root), SIZE, test=0.4, seed=seed)) for seed in (3, 4))
    test, seen = cache.hashes("test"), folders.training_hashes(older.fingerprint)
    left = [digest for digest in test if digest not in seen]
    assert 0 < len(left) < len(test)
    known = trained_on(cache.fingerprint)
    for find, data in ((folders.labeled_cache, "shapes"), (folders.labeled, str(root))):
        assert sorted(find(data, replace(known, earlier=(older.fingerprint,))).hashes) == sorted(left)
        assert sorted(find(data, replace(known, earlier=(cache.fingerprint, "gone"))).hashes) == sorted(test)
