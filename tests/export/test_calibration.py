"""Calibration images: as evenly over the labels as there are images, drawn by a seed, from allowed rows only."""

import hashlib

import numpy as np
import pytest

from device.evaluation.exports import Calibration
from export.source.calibration import CalibrationImages, balanced_rows

TARGETS = np.repeat([0, 1, 2], [100, 50, 10])
EVERY_ROW = np.arange(160)


def counts(rows: list[int]) -> list[int]:
    return [int(count) for count in np.bincount(TARGETS[rows], minlength=3)]


@pytest.mark.parametrize(
    ("n", "expected"),
    [(30, [10, 10, 10]), (3, [1, 1, 1]), (70, [30, 30, 10]), (160, [100, 50, 10]), (999, [100, 50, 10])],
)
def test_labels_are_balanced_as_far_as_there_are_images(n: int, expected: list[int]) -> None:
    rows = balanced_rows(TARGETS, EVERY_ROW, n, seed=1)
    assert counts(rows) == expected
    assert len(set(rows)) == len(rows)


def test_fewer_images_than_labels() -> None:
    assert len(balanced_rows(TARGETS, EVERY_ROW, 2, seed=1)) == 2


def test_of_more_labels_than_images_any_may_have_one() -> None:
    """A thousand labels as ImageNet has them, sorted by kind: not the first two hundred of them."""
    targets = np.repeat(np.arange(1000), 3)
    rows = balanced_rows(targets, np.arange(3000), 200, seed=1)
    labels = targets[rows]
    assert len(set(labels)) == len(rows) == 200
    assert np.histogram(labels, bins=5, range=(0, 1000))[0].min() >= 25
    assert rows == balanced_rows(targets, np.arange(3000), 200, seed=1)
    assert set(labels) != set(targets[balanced_rows(targets, np.arange(3000), 200, seed=2)])


def test_of_no_more_labels_than_images_the_choice_is_that_of_older_versions() -> None:
    """An export made again with the same seed has the same bytes."""
    assert balanced_rows(TARGETS, EVERY_ROW, 7, seed=1) == [59, 123, 153, 77, 148, 156, 82]
    assert balanced_rows(TARGETS, EVERY_ROW, 3, seed=5) == [40, 141, 154]
    hundred = np.repeat(np.arange(200), 4)
    rows = balanced_rows(hundred, np.arange(800), 200, seed=3)
    assert hashlib.sha256(np.array(rows, np.int64).tobytes()).hexdigest() == (
        "cf642a1f72933bb4ee79f7493156cf534825d28c12a7a88f611bf9bd5513f4ef"
    )


def test_the_seed_decides() -> None:
    first, again, other = (balanced_rows(TARGETS, EVERY_ROW, 30, seed) for seed in (1, 1, 2))
    assert first == again
    assert set(first) != set(other)


def test_only_allowed_rows_are_taken() -> None:
    """The validation rows lie in the same array as the training rows."""
    allowed = np.flatnonzero(EVERY_ROW % 3 == 0)
    rows = balanced_rows(TARGETS, allowed, 20, seed=1)
    assert set(rows) <= set(allowed.tolist())
    assert counts(rows) == [8, 8, 4]  # of label 2, four rows are allowed


def test_labels_without_allowed_rows_are_passed_over() -> None:
    assert counts(balanced_rows(TARGETS, np.arange(150), 20, seed=1)) == [10, 10, 0]


def test_what_is_recorded() -> None:
    choice = CalibrationImages(np.zeros((7, 4, 4, 3), np.uint8), tuple(range(7)), 3, "train")
    assert choice.recorded == Calibration(7, 3, "train")
