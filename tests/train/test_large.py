"""A data set larger than memory: the cache is on disk, and only what a step needs is read."""

import json
from pathlib import Path

import numpy as np
import pytest

from device.data import folders
from tests.conftest import Run

pytestmark = pytest.mark.tensorflow

SIDE, COUNT = 256, 20_000  # 3.9 GB of pixels, most of them a hole in the file: it takes no room on the disk
NAME = "cats_vs_dogs_9000"  # a data set that is found by its name, so that the cache is all that is there
LIMIT = 2_500_000_000  # of memory that is the process' own; TensorFlow alone takes more than a third of it


# Anonymous memory, not what is mapped from files (setrlimit(2), RLIMIT_DATA).
LIMITED = f"import resource; resource.setrlimit(resource.RLIMIT_DATA, ({LIMIT}, {LIMIT}))"
TRAIN = f"{LIMITED}; import runpy, sys; sys.argv = sys.argv[1:]; runpy.run_module(sys.argv[0], run_name='__main__')"


def write_cache(root: Path) -> Path:
    """A cache of two labels as `train` writes it: black images, and some white ones."""
    folder = root / f"{NAME}-0123456789ab-{SIDE}x{SIDE}-crop"
    folder.mkdir(parents=True)
    index = {
        "name": NAME, "fingerprint": "0123456789ab", "labels": ["black", "white"], "height": SIDE, "width": SIDE,
        "fit": "crop", "origin": "drawn", "split": {"test": 0.2, "seed": 1}, "skipped": [], "splits": {},
    }  # fmt: skip
    for split, count in (("train", COUNT), ("test", 20)):
        array = np.lib.format.open_memmap(folder / f"{split}.npy", "w+", np.uint8, (count, SIDE, SIDE, 3))
        white = range(0, count, max(2, count // 50))
        for i in white:
            array[i] = 255
        array.flush()
        targets = [int(i in white) for i in range(count)]
        hashes = [f"{split}{i}" for i in range(count)]
        index["splits"][split] = {"targets": targets, "hashes": hashes, "origins": hashes}  # type: ignore[index]
    (folder / "index.json").write_text(json.dumps(index))
    return folder


def test_a_cache_larger_than_memory_is_trained_on(warm: Run, tmp_path: Path) -> None:
    folder = write_cache(tmp_path / "cache")
    assert (folder / "train.npy").stat().st_size > 1.5 * LIMIT
    assert folders.open_cache(folder) is not None
    settings = (
        f"image_size={SIDE}",
        "network=tiny",
        "grayscale=false",
        "epochs=1",
        "steps_per_epoch=5",
        "batch_size=16",
        "validation_split=0.02",
    )
    words = [word for setting in settings for word in ("--set", setting)]
    done = warm("-c", TRAIN, "train", "fashion_mnist", "--data", NAME, "--run", tmp_path / "run", *words)
    assert done.returncode == 0, done.stderr
    assert json.loads((tmp_path / "run/evaluation.json").read_bytes())["n"] == 20


def test_the_whole_cache_does_not_fit_into_the_limit(command: Run, tmp_path: Path) -> None:
    """Reading it all would not fit."""
    folder = write_cache(tmp_path / "cache")
    code = f"{LIMITED}; import numpy; numpy.array(numpy.load({str(folder / 'train.npy')!r}, mmap_mode='r'))"
    done = command("-c", code)
    assert done.returncode != 0
    assert "Unable to allocate" in done.stderr
