"""Keras is asked about a few images at a time, and they are read where they lie."""

from pathlib import Path

import numpy as np
import pytest

from export.conversion import convert
from tests.conftest import Run

SIDE, COUNT = 224, 500
LIMIT = 3_000_000_000  # of memory that is the process' own; one layer's answers to all images at once take more

MODEL = """
import sys
import keras
layers = keras.layers
pixels = layers.Input((224, 224, 3))
wide = layers.Conv2D(32, 3, padding="same", activation="relu")(layers.Rescaling(1 / 255)(pixels))
scores = layers.Dense(2, activation="softmax")(layers.GlobalAveragePooling2D()(wide))
keras.Model(pixels, scores).save(sys.argv[1])
"""

# Anonymous memory, not what is mapped from files (setrlimit(2), RLIMIT_DATA).
CONVERT = f"""
import resource, sys
resource.setrlimit(resource.RLIMIT_DATA, ({LIMIT}, {LIMIT}))
from pathlib import Path
import numpy as np
from export.conversion import convert
print(*convert.convert(Path(sys.argv[1]), np.load(sys.argv[2], mmap_mode="r"))[1].shape)
"""


def test_a_mapped_file_is_not_copied(tmp_path: Path) -> None:
    images = np.random.default_rng(1).integers(0, 256, (5, 4, 4, 3), np.uint8)
    np.save(tmp_path / "test.npy", images)
    mapped = np.load(tmp_path / "test.npy", mmap_mode="r")
    assert convert.file_of(mapped, tmp_path / "scratch") == tmp_path / "test.npy"
    (tmp_path / "scratch").mkdir()
    for given, expected in ((mapped[1:3], images[1:3]), (images, images)):  # a part of it, and one in memory
        np.testing.assert_array_equal(np.load(convert.file_of(given, tmp_path / "scratch")), expected)


@pytest.mark.tensorflow
def test_many_images_take_no_more_memory(warm: Run, tmp_path: Path) -> None:
    assert warm("-c", MODEL, tmp_path / "model.keras").returncode == 0
    np.lib.format.open_memmap(tmp_path / "test.npy", "w+", np.uint8, (COUNT, SIDE, SIDE, 3)).flush()
    done = warm("-c", CONVERT, tmp_path / "model.keras", tmp_path / "test.npy")
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.split() == [str(COUNT), "2"]
