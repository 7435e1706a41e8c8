"""The comparison with the reference: figures by hand, and which of them fail a variant."""

import json
import math
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest

from export import compare
from export.compare import Comparison

GOOD = Comparison(
    n=1000,
    split="test",
    top1=0.9,
    interval=(0.88, 0.92),
    agreement=1.0,
    largest_error=0.0,
    mean_error=0.0,
    drop=0.0,
    drop_interval=(0.0, 0.0),
)


def answering(labels: list[int], sure: float = 1.0) -> npt.NDArray[np.float32]:
    """Scores of three labels whose highest is the given one."""
    return (np.eye(3)[labels] * sure + (1 - sure) / 3).astype(np.float32)


def test_the_drop_counts_pictures_that_only_one_gets_right() -> None:
    targets = np.zeros(100, np.int64)
    ours = answering([1] * 10 + [0] * 90)  # loses the first ten
    theirs = answering([0] * 96 + [1] * 4)  # but wins the last four
    drop, (low, high) = compare.paired_drop(ours, theirs, targets)
    assert drop == pytest.approx(0.06)
    # sqrt(10 + 4 - 6^2 / 100) / 100 = 0.0369324; times 1.959964
    assert [low, high] == pytest.approx([0.06 - 0.072386, 0.06 + 0.072386], abs=1e-6)


def test_no_drop_where_both_answer_alike() -> None:
    scores = answering([0, 1, 2] * 5)
    assert compare.paired_drop(scores, scores, np.zeros(15, np.int64)) == (0.0, (0.0, 0.0))


def test_a_gain_is_a_negative_drop() -> None:
    drop, _ = compare.paired_drop(answering([0] * 4), answering([1, 1, 0, 0]), np.zeros(4, np.int64))
    assert drop == -0.5


def test_every_figure_by_hand() -> None:
    targets = np.array([0, 1, 2, 2])
    reference = answering([0, 1, 2, 2])
    scores = answering([0, 1, 1, 2], sure=0.7)  # 0.8 on the answer, 0.1 elsewhere
    measured = compare.compare(scores, reference, targets, "test")
    assert (measured.n, measured.split, measured.top1, measured.agreement) == (4, "test", 0.75, 0.75)
    assert measured.drop == 0.25
    assert measured.largest_error == pytest.approx(0.9)
    # Three pictures differ by 0.2, 0.1, 0.1, one by 0.1, 0.8, 0.9.
    assert measured.mean_error == pytest.approx((3 * 0.4 + 1.8) / 12)
    assert measured.interval == pytest.approx((0.300636, 0.954413), abs=1e-5)  # Wilson, 3 of 4


def test_without_labels_there_is_no_accuracy() -> None:
    measured = compare.compare(answering([0, 1]), answering([0, 1]), None, "calibration")
    assert (measured.top1, measured.interval, measured.drop, measured.drop_interval) == (None,) * 4
    assert (measured.agreement, measured.split) == (1.0, "calibration")
    assert compare.failures("int8", measured) == []


@pytest.mark.parametrize("variant", compare.LIMITS)
def test_equal_scores_are_sound(variant: str) -> None:
    assert compare.failures(variant, GOOD) == []


@pytest.mark.parametrize(
    ("variant", "changes", "reason"),
    [
        ("float32", {"largest_error": 2e-3}, "a score differs by 0.0020, at most 0.001 is sound"),
        ("float16", {"largest_error": 0.06}, "a score differs by 0.0600, at most 0.05 is sound"),
        ("float32", {"agreement": 0.99}, "it agrees on 99.00 % of 1000 pictures, 99.9 % are needed"),
        ("int8", {"agreement": 0.87}, "it agrees on 87.00 % of 1000 pictures, 90 % are needed"),
        ("dynamic", {"drop": 0.05, "drop_interval": (0.03, 0.07)}, "it loses 5.00 points of accuracy, at most 2 are"),
        ("int8", {"largest_error": math.nan}, "its scores are not finite numbers"),
        ("float16", {"largest_error": math.inf}, "its scores are not finite numbers"),
    ],
)
def test_what_fails_a_variant(variant: str, changes: dict[str, object], reason: str) -> None:
    (said,) = compare.failures(variant, replace(GOOD, **changes))  # type: ignore[arg-type]
    assert said.startswith(reason)


@pytest.mark.parametrize(
    ("variant", "changes"),
    [
        ("int8", {"largest_error": 0.9}),  # a single score says nothing of int8
        ("int8", {"agreement": 0.89}),  # 0.90 lies within the interval
        ("int8", {"agreement": 0.8, "n": 5}),
        ("int8", {"drop": 0.03, "drop_interval": (0.01, 0.05)}),
        ("int8", {"drop": -0.5, "drop_interval": (-0.6, -0.4)}),
        ("float32", {"largest_error": 9e-4}),
    ],
)
def test_what_does_not(variant: str, changes: dict[str, object]) -> None:
    assert compare.failures(variant, replace(GOOD, **changes)) == []  # type: ignore[arg-type]


def test_several_reasons_are_all_said() -> None:
    broken = replace(GOOD, agreement=0.1, drop=0.8, drop_interval=(0.7, 0.9), largest_error=1.5)
    assert len(compare.failures("int8", broken)) == 3


def test_an_error_that_is_no_number_is_null_in_json() -> None:
    scores = np.array([[np.nan, 1.0]], np.float32)
    measured = compare.compare(scores, np.array([[0.0, 1.0]], np.float32), None, "test")
    document = json.loads(json.dumps(measured.to_json(), allow_nan=False))
    assert (document["largest_error"], document["mean_error"]) == (None, None)
    assert document["n"] == 1
