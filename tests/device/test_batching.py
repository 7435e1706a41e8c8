"""Memory that doesn't grow with the images: how many at a time, and what stays mapped of a file."""

from pathlib import Path

import numpy as np
import pytest

from device.data.folders import Labeled
from device.evaluation import batching


@pytest.mark.parametrize(
    ("shape", "numbers", "expected"),
    [
        ((28, 28, 3), 8_000_000, 500),
        ((224, 224, 3), 8_000_000, 53),  # another number would change a training run's last bits
        ((224, 224, 3), 2_000_000, 13),
        ((1280,), 8_000_000, 500),
        ((4000, 4000, 3), 2_000_000, 1),
    ],
)
def test_as_many_as_fit(shape: tuple[int, ...], numbers: int, expected: int) -> None:
    assert batching.at_a_time(shape, numbers) == expected


def mapped(path: Path) -> int:
    """Bytes of a file that are in this process's memory (proc(5), smaps)."""
    size, ours = 0, False
    for line in Path("/proc/self/smaps").read_text().splitlines():
        first = line.split()[0]
        if "-" in first:
            ours = line.endswith(path.name)
        elif ours and first == "Rss:":
            size += 1024 * int(line.split()[1])
    return size


@pytest.fixture
def stored(tmp_path: Path) -> Path:
    path = tmp_path / "many.npy"
    np.save(path, np.arange(40 * 64 * 64 * 3, dtype=np.uint32).astype(np.uint8).reshape(40, 64, 64, 3))
    return path


def test_batches_are_all_rows_in_order_and_nothing_stays_mapped(stored: Path) -> None:
    images = np.load(stored, mmap_mode="r")
    expected = np.load(stored)
    seen = list(batching.batches(images, 9))
    assert [len(batch) for batch in seen] == [9, 9, 9, 9, 4]
    np.testing.assert_array_equal(np.concatenate(seen), expected)
    assert mapped(stored) < images.nbytes / 10
    images.sum()
    assert mapped(stored) >= images.nbytes  # they were: this is how it was before
    batching.let_go(images[3:])
    assert mapped(stored) < images.nbytes / 10
    np.testing.assert_array_equal(images, expected)


def test_what_was_written_stays(tmp_path: Path) -> None:
    rows = np.lib.format.open_memmap(tmp_path / "rows.npy", "w+", np.float32, (1000, 100))
    rows[:] = 7
    batching.let_go(rows)
    rows[0] = 8
    rows.flush()
    assert np.load(tmp_path / "rows.npy").sum() == 7 * 99_900 + 800


def test_arrays_in_memory_and_copies_on_write_are_left_alone(stored: Path) -> None:
    changed = np.load(stored, mmap_mode="c")
    changed[:] = 9
    for images in (changed, np.ones((3, 2)), [stored]):
        batching.let_go(images)
    assert (changed == 9).all()


def test_images_that_are_left_out_need_no_copy_of_the_others(stored: Path) -> None:
    images, rows = np.load(stored, mmap_mode="r"), np.array([3, 5, 39])
    data = Labeled(("a",), images, np.zeros(3, np.int64), "test", 37, ["x", "y", "z"], rows)
    assert (len(data), data.hash_of(1)) == (3, "y")
    np.testing.assert_array_equal(data.image(2), images[39])
