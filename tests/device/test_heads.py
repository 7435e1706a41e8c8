"""The heads of a cross-validation, as they lie in a run's folder."""

from pathlib import Path

import numpy as np
import pytest

from device.data import heads
from device.data.heads import Heads
from device.errors import UserError

MADE = Heads(
    np.array([4, 7, 9]),
    np.array([0, 1, 0]),
    np.arange(12, dtype=np.float32).reshape(2, 3, 2),
    np.array([[0.5, 1], [2, 3]], np.float32),
)


def test_what_was_written_is_read(tmp_path: Path) -> None:
    heads.write(tmp_path, MADE)
    found = heads.read(tmp_path)
    for name, array in vars(MADE).items():
        np.testing.assert_array_equal(getattr(found, name), array)
    assert (found.at(np.array([1, 2])).rows.tolist(), found.at(np.array([1, 2])).folds.tolist()) == ([7, 9], [1, 0])


def test_damaged_ones_and_none_are_refused(tmp_path: Path) -> None:
    path = tmp_path / heads.NAME
    with pytest.raises(UserError, match=f"{path}: .*train it again"):
        heads.read(tmp_path)
    heads.write(tmp_path, MADE)
    whole = path.read_bytes()
    for damaged in (whole[:-40], whole[:100], b"no archive"):
        path.write_bytes(damaged)
        with pytest.raises(UserError, match=f"{path}: .*train it again"):
            heads.read(tmp_path)
    np.savez(path, rows=MADE.rows)
    with pytest.raises(UserError, match=f"{path}: .*train it again"):
        heads.read(tmp_path)
