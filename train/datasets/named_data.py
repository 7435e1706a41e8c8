"""Finds named data sets where the user already has them.

Tries in this order: Keras' cache ($KERAS_HOME or ~/.keras, including unpacked batches), Debian's installed package
dataset-fashion-mnist, a download by Keras, that package downloaded and unpacked without root.
"""

import contextlib
import gzip
import hashlib
import io
import shutil
import socket
import subprocess
import sys
import tempfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from device import command, text
from device.errors import UserError
from device.places import NoPlaceError
from train.environment import keras_settings
from train.environment.keras_home import keras_home

FASHION_LABELS = ("T-shirt", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot")
CIFAR10_LABELS = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")

# SHA-256 of what is inside the four .gz files: Debian compresses them again, the images are the published ones.
FASHION_FILES = {
    "train-images-idx3-ubyte.gz": "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
    "train-labels-idx1-ubyte.gz": "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
    "t10k-images-idx3-ubyte.gz": "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
    "t10k-labels-idx1-ubyte.gz": "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
}
DEBIAN_PACKAGE = "dataset-fashion-mnist"
DEBIAN_FOLDER = Path("usr/share/datasets/fashion-mnist")
CIFAR10_COUNTS = 50_000, 10_000  # to train, to test
T = TypeVar("T")
# A blocked network must not hang the first command of a new user.
DOWNLOAD_TIMEOUT_S = 30


class NotHereError(Exception):
    """A place has no usable copy; the text says why."""


@dataclass(frozen=True)
class Split:
    """uint8 images, n x height x width x 3 (RGB) or n x height x width (gray), with the index of their label."""

    images: npt.NDArray[np.uint8]
    targets: npt.NDArray[np.int64]


@dataclass(frozen=True)
class NamedData:
    """A data set in memory, and where it was found."""

    name: str
    labels: tuple[str, ...]
    train: Split
    test: Split
    origin: str


def check(name: str) -> None:
    """UserError if there is no data set of that name."""
    if name not in PLACES:
        raise UserError(
            f"unknown data set {name!r}, expected {', '.join(PLACES)}, cats_vs_dogs or a folder of class folders that"
            " is here; name one with --data"
        )


def load(name: str) -> NamedData:
    """The first usable copy; UserError lists every place tried, and says what to do."""
    check(name)
    tried = []
    for where, read in PLACES[name]:
        try:
            return read()
        except (NotHereError, NoPlaceError) as error:
            tried.append(f"{where} ({error})")
    raise UserError(f"the data set {name} was not found; tried {'; '.join(tried)}. {ADVICE[name]}")


def _fashion_from(folder: Path, origin: str) -> NamedData:
    """Reads and verifies the four IDX files of a folder (http://yann.lecun.com/exdb/mnist, 'File formats')."""
    parts = {}
    for name, digest in FASHION_FILES.items():
        try:
            content = gzip.decompress((folder / name).read_bytes())
        except FileNotFoundError:
            raise NotHereError(f"no {name}") from None
        except (OSError, EOFError, zlib.error) as error:
            raise NotHereError(f"{name} can't be read: {error}") from None
        if hashlib.sha256(content).hexdigest() != digest:
            raise NotHereError(f"{name} has another checksum than the published file")
        parts[name] = np.frombuffer(content, np.uint8)

    def split(prefix: str) -> Split:
        images = parts[f"{prefix}-images-idx3-ubyte.gz"][16:].reshape(-1, 28, 28)
        return Split(images, parts[f"{prefix}-labels-idx1-ubyte.gz"][8:].astype(np.int64))

    return NamedData("fashion_mnist", FASHION_LABELS, split("train"), split("t10k"), origin)


def _fashion_in_keras_cache() -> NamedData:
    return _fashion_from(keras_home() / "datasets/fashion-mnist", "Keras' cache")


def _fashion_in_debian() -> NamedData:
    return _fashion_from(Path("/") / DEBIAN_FOLDER, f"Debian's {DEBIAN_PACKAGE}")


def _fashion_by_keras() -> NamedData:
    def fetch() -> None:
        import keras

        keras.datasets.fashion_mnist.load_data()

    download(fetch)
    return _fashion_from(keras_home() / "datasets/fashion-mnist", "downloaded by Keras")


def _fashion_by_apt() -> NamedData:
    """apt-get download and dpkg-deb need no root; if apt has no lists yet, downloads private ones."""
    if not (shutil.which("apt-get") and shutil.which("dpkg-deb")):
        raise NotHereError("no apt-get here")
    command.say(f"fetching Debian's package {DEBIAN_PACKAGE} (31 MB) …")
    with tempfile.TemporaryDirectory(prefix="framelite-") as name:
        folder = Path(name)
        if not _apt_download(folder, []):
            (folder / "lists/partial").mkdir(parents=True)
            private = ["-o", f"Dir::State::Lists={folder}/lists", "-o", f"Dir::Cache={folder}"]
            if not (_apt(folder, ["update", *private]) and _apt_download(folder, private)):
                raise NotHereError(f"apt-get download {DEBIAN_PACKAGE} failed")
        package = next(folder.glob("*.deb"))
        if subprocess.run(["dpkg-deb", "-x", package, folder / "unpacked"], capture_output=True).returncode:
            raise NotHereError(f"dpkg-deb could not unpack {package.name}")
        return _fashion_from(folder / "unpacked" / DEBIAN_FOLDER, f"Debian's {DEBIAN_PACKAGE}, fetched by apt-get")


def _apt_download(folder: Path, options: list[str]) -> bool:
    return _apt(folder, ["download", *options, DEBIAN_PACKAGE]) and any(folder.glob("*.deb"))


def _apt(folder: Path, arguments: list[str]) -> bool:
    try:
        done = subprocess.run(["apt-get", "-q", *arguments], cwd=folder, capture_output=True, timeout=300)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0


def _cifar10_from(folder: Path, origin: str) -> NamedData:
    """Reads the batches as their authors packed them, https://www.cs.toronto.edu/~kriz/cifar.html"""
    names = [f"data_batch_{i}" for i in range(1, 6)]
    if missing := [name for name in [*names, "test_batch"] if not (folder / name).is_file()]:
        raise NotHereError(f"no {missing[0]}")
    # Keras' load_data insists on its archive; its reader of one batch takes what is unpacked, and unpickles safely.
    keras_settings.apply()
    from keras.src.datasets.cifar import load_batch

    def split(batches: list[str]) -> Split:
        try:
            parts = [load_batch(str(folder / name)) for name in batches]
            images = np.concatenate([part[0] for part in parts]).transpose(0, 2, 3, 1)
            targets = np.concatenate([np.asarray(part[1], np.int64) for part in parts])
        except Exception as error:  # a damaged pickle can raise anything
            raise NotHereError(f"the batches in {folder} can't be read: {error}") from None
        return Split(np.ascontiguousarray(images, np.uint8), targets)

    train, test = split(names), split(["test_batch"])
    counts = len(train.images), len(test.images)
    if counts != CIFAR10_COUNTS:
        raise NotHereError("{:,} + {:,} images, expected {:,} + {:,}".format(*counts, *CIFAR10_COUNTS))
    return NamedData("cifar10", CIFAR10_LABELS, train, test, origin)


def _cifar10_in_keras_cache() -> NamedData:
    datasets = keras_home() / "datasets"
    for folder in (datasets / "cifar-10-batches-py-target/cifar-10-batches-py", datasets / "cifar-10-batches-py"):
        if folder.is_dir():
            return _cifar10_from(folder, "Keras' cache")
    raise NotHereError(f"nothing in {datasets}")


def _cifar10_by_keras() -> NamedData:
    def fetch() -> None:
        import keras

        keras.datasets.cifar10.load_data()

    download(fetch)
    return _cifar10_in_keras_cache()


def download(fetch: Callable[[], T]) -> T:
    """Runs a Keras download with a timeout, and its progress bar on stderr, if that is a terminal."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(DOWNLOAD_TIMEOUT_S)
    try:
        with contextlib.redirect_stdout(sys.stderr if sys.stderr.isatty() else io.StringIO()):
            return fetch()
    except Exception as error:  # urllib, ssl, tarfile and Keras' own: whatever it is, the next place is tried
        raise NotHereError(text.one_line(error) or type(error).__name__) from None
    finally:
        socket.setdefaulttimeout(before)


PLACES: dict[str, list[tuple[str, Callable[[], NamedData]]]] = {
    "fashion_mnist": [
        ("Keras' cache", _fashion_in_keras_cache),
        (f"/{DEBIAN_FOLDER}", _fashion_in_debian),
        ("a download by Keras", _fashion_by_keras),
        (f"Debian's package {DEBIAN_PACKAGE}", _fashion_by_apt),
    ],
    "cifar10": [
        ("Keras' cache", _cifar10_in_keras_cache),
        ("a download by Keras", _cifar10_by_keras),
    ],
}
ADVICE = {
    "fashion_mnist": f"Install it with: apt install {DEBIAN_PACKAGE}; or put its four .gz files into"
    " $KERAS_HOME/datasets/fashion-mnist (default ~/.keras)",
    "cifar10": "Unpack cifar-10-python.tar.gz from https://www.cs.toronto.edu/~kriz/cifar.html into"
    " $KERAS_HOME/datasets (default ~/.keras)",
}
