"""Data sets by name: what is found is verified, what is not usable is passed over and named, nothing in it is run."""

import gzip
import hashlib
import pickle
from pathlib import Path

import numpy as np
import pytest

from device.errors import UserError
from tests.conftest import Run
from tests.device.refusals import says
from train.datasets import named_data
from train.datasets.named_data import NotHereError

# Nobody listens there: a download fails at once instead of after a time-out.
NO_NETWORK = dict.fromkeys(("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"), "http://127.0.0.1:9")
NO_NETWORK |= {"no_proxy": "", "NO_PROXY": ""}
NO_APT = {"PATH": "/nonexistent"}


def keras_folder(tmp_path: Path) -> Path:
    folder = tmp_path / "keras/datasets/fashion-mnist"
    folder.mkdir(parents=True)
    return folder


def write_fashion(folder: Path) -> None:
    """Four .gz files of the right names and shape, of other images than the published ones."""
    for prefix, count in (("train", 20), ("t10k", 10)):
        images = bytes(16) + bytes(count * 28 * 28)
        (folder / f"{prefix}-images-idx3-ubyte.gz").write_bytes(gzip.compress(images))
        (folder / f"{prefix}-labels-idx1-ubyte.gz").write_bytes(gzip.compress(bytes(8) + bytes(count)))


def read_from(name: str, place: str) -> named_data.NamedData:
    """What lies in one of the places that are tried."""
    return dict(named_data.PLACES[name])[place]()


def found_in_debian() -> bool:
    return (Path("/") / named_data.DEBIAN_FOLDER).exists()


def test_an_unknown_name(command: Run) -> None:
    done = command("train", "data", "imagenet", "--size", "28")
    assert done.returncode == 2
    says(done.stderr, "error: ", "'imagenet'", "fashion_mnist, cifar10, cats_vs_dogs")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (lambda data: gzip.compress(b"something else"), "another checksum"),
        (lambda data: data[:-10], "can't be read"),
        (lambda data: data[:12] + b"\xff" * 40, "can't be read"),
        (lambda data: b"<html>404</html>", "can't be read"),
        (lambda data: b"", "another checksum"),
    ],
    ids=["other", "truncated", "damaged", "page", "empty"],
)
def test_files_that_are_not_the_published_ones(tmp_path: Path, damage: object, reason: str) -> None:
    folder = keras_folder(tmp_path)
    write_fashion(folder)
    path = folder / "train-images-idx3-ubyte.gz"
    path.write_bytes(damage(path.read_bytes()))  # type: ignore[operator]
    with pytest.raises(NotHereError, match=rf"train-images-idx3-ubyte\.gz.*({reason})"):
        read_from("fashion_mnist", "Keras' cache")


def test_fashion_mnist_is_read_as_its_format_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Small files in the published layout, under their own checksums: the published ones are 31 MB."""
    folder = keras_folder(tmp_path)
    random = np.random.default_rng(1)
    images = random.integers(0, 256, (6, 28, 28), np.uint8)
    targets = np.array([9, 0, 3, 3, 7, 1], np.uint8)
    contents = {
        "train-images-idx3-ubyte.gz": bytes(16) + images.tobytes(),
        "train-labels-idx1-ubyte.gz": bytes(8) + targets.tobytes(),
        "t10k-images-idx3-ubyte.gz": bytes(16) + images[:2].tobytes(),
        "t10k-labels-idx1-ubyte.gz": bytes(8) + targets[:2].tobytes(),
    }
    for name, content in contents.items():
        (folder / name).write_bytes(gzip.compress(content))
        monkeypatch.setitem(named_data.FASHION_FILES, name, hashlib.sha256(content).hexdigest())
    data = named_data.load("fashion_mnist")
    np.testing.assert_array_equal(data.train.images, images)
    np.testing.assert_array_equal(data.train.targets, targets)
    np.testing.assert_array_equal(data.test.images, images[:2])
    assert (data.labels[9], data.origin) == ("Ankle boot", "Keras' cache")


def test_a_name_makes_a_cache_of_rgb_images(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from device.images import images
    from train.data import cache

    random = np.random.default_rng(1)
    gray = random.integers(0, 256, (20, 28, 28), np.uint8)
    split = named_data.Split(gray, np.arange(20) % 10)
    data = named_data.NamedData("fashion_mnist", named_data.FASHION_LABELS, split, split, "a test")
    # The published images aren't everywhere, and are many.
    monkeypatch.setitem(named_data.PLACES, "fashion_mnist", [("a test", lambda: data)])
    made = cache.provide(cache.DataRequest("fashion_mnist", (14, 14)))
    rgb = [images.preprocess(np.repeat(image[..., None], 3, axis=2), (14, 14)) for image in gray]
    np.testing.assert_array_equal(made.images("train"), rgb)
    assert made.hashes("test")[3] == hashlib.sha256(gray[3].tobytes()).hexdigest()
    assert made.index.splits["test"].origins[3] == "test/3"
    assert made.path.name == f"fashion_mnist-{made.fingerprint}-14x14-crop"
    # Found again by its name, without the data.
    monkeypatch.setitem(named_data.PLACES, "fashion_mnist", [])
    assert cache.provide(cache.DataRequest("fashion_mnist", (14, 14))).path == made.path


@pytest.mark.tensorflow
@pytest.mark.skipif(found_in_debian(), reason="dataset-fashion-mnist is installed: it would be found")
def test_every_place_that_was_tried_is_named(warm: Run, tmp_path: Path) -> None:
    write_fashion(keras_folder(tmp_path))
    done = warm("train", "fashion_mnist", "--only-data", **NO_NETWORK, **NO_APT)
    assert done.returncode == 2
    error = done.stderr.splitlines()[-1]
    says(error, "error: ", " fashion_mnist ", "(train-images-idx3-", "checksum")
    for place in ("/usr/share/datasets/fashion-mnist (no ", "download by Keras (", "Debian's package dataset-fash"):
        assert place in error
    assert "no apt-get here" in error
    assert "Install it with: apt install dataset-fashion-mnist" in error
    assert "Traceback" not in done.stderr
    assert done.stdout == ""
    assert not (tmp_path / "cache").exists()


def test_the_true_fashion_mnist() -> None:
    if not found_in_debian():
        pytest.skip("Debian's package dataset-fashion-mnist is not installed")
    data = read_from("fashion_mnist", f"/{named_data.DEBIAN_FOLDER}")
    assert data.train.images.shape == (60_000, 28, 28)
    assert data.test.images.shape == (10_000, 28, 28)
    assert np.bincount(data.train.targets).tolist() == [6000] * 10
    assert np.bincount(data.test.targets).tolist() == [1000] * 10
    assert round(data.train.images.mean(), 2) == 72.94  # 0.2860 of 255, the published mean


class RunsACommand:
    """A pickle that creates a file when it is loaded by a reader that isn't careful."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[object, tuple[str]]:
        import os

        return os.system, (f"touch {self.mark}",)


def write_cifar(tmp_path: Path, count: int) -> Path:
    """The six batches as their authors packed them, with fewer images."""
    folder = tmp_path / "keras/datasets/cifar-10-batches-py"
    folder.mkdir(parents=True)
    random = np.random.default_rng(1)
    for name in [*(f"data_batch_{i}" for i in range(1, 6)), "test_batch"]:
        data = random.integers(0, 256, (count, 3 * 32 * 32), np.uint8)
        batch = {b"data": data, b"labels": [i % 10 for i in range(count)], b"filenames": [], b"batch_label": b"a test"}
        (folder / name).write_bytes(pickle.dumps(batch, protocol=4))
    return folder


def test_cifar10_of_which_a_batch_is_missing(tmp_path: Path) -> None:
    folder = write_cifar(tmp_path, 10)
    (folder / "data_batch_3").unlink()
    with pytest.raises(NotHereError, match="no data_batch_3"):
        read_from("cifar10", "Keras' cache")


@pytest.mark.tensorflow
def test_cifar10_that_is_too_short(tmp_path: Path) -> None:
    write_cifar(tmp_path, 10)
    with pytest.raises(NotHereError, match=r"^50 \+ 10 images, expected 50,000 \+ 10,000$"):
        read_from("cifar10", "Keras' cache")


@pytest.mark.tensorflow
def test_a_pickle_that_runs_a_command_is_refused_and_not_run(warm: Run, tmp_path: Path) -> None:
    folder = write_cifar(tmp_path, 10)
    mark = tmp_path / "executed"
    hostile = pickle.dumps(RunsACommand(mark), protocol=2)
    (folder / "data_batch_2").write_bytes(hostile)
    done = warm("train", "data", "cifar10", "--size", "32", **NO_NETWORK)
    assert done.returncode == 2
    error = done.stderr.splitlines()[-1]
    says(error, "error: ", " cifar10 ", "cifar-10-python.tar.gz")
    assert "Traceback" not in done.stderr
    assert not mark.exists(), "the pickle was executed"
    assert not (tmp_path / "cache").exists()
    pickle.loads(hostile)
    assert mark.exists(), "the test's pickle does what it says"


@pytest.mark.tensorflow
def test_the_batches_of_cifar10_are_read_in_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = write_cifar(tmp_path, 10)
    monkeypatch.setattr(named_data, "CIFAR10_COUNTS", (50, 10))  # the published ones are 60,000
    data = read_from("cifar10", "Keras' cache")
    third = pickle.loads((folder / "data_batch_3").read_bytes())
    # Stored as 1024 red, 1024 green, 1024 blue, a row of the image after the other.
    image = third[b"data"][4].reshape(3, 32, 32)
    np.testing.assert_array_equal(data.train.images[24], np.dstack(list(image)))
    assert data.train.targets[24] == 4
    assert data.test.images.shape == (10, 32, 32, 3)


def test_load_names_what_is_unknown() -> None:
    with pytest.raises(UserError, match="unknown data set 'mnist'"):
        named_data.load("mnist")


def test_where_refuses_what_is_no_data(command: Run) -> None:
    """`make export DATA=…` asks it: a misspelt folder is no other run."""
    done = command("train", "where", "fashion_mnist", "--data", "imagse")
    assert (done.returncode, done.stdout) == (2, "")
    assert "'imagse'" in done.stderr
    assert command("train", "where", "transfer", "--data", "cats_vs_dogs").stdout == "runs/transfer\n"
