"""What files lose to the most accurate of them: intervals by hand, and how often they are right on seeded answers."""

from math import hypot

import numpy as np
import pytest

from benchmarks.select import losses
from benchmarks.select.losses import Known
from device.evaluation.evaluate import wilson
from device.evaluation.paired import Paired


def known(n: int, *wrong: int) -> Known:
    """A file that is right about all of n images but those."""
    return Known(1 - len(wrong) / n, n, {str(image): image not in wrong for image in range(n)})


def test_two_files_are_compared_as_the_gate_does() -> None:
    """One pair of files: 95 % are 95 %."""
    found = losses.judge({"a": known(200, 7), "b": known(200, 1, 2, 3, 4, 5)}, 0.05)
    assert (found.best, found.paired, found.of["a"].points) == ("a", True, None)
    points = found.of["b"].points
    assert points is not None and points.middle == pytest.approx(0.02)
    assert (points.low, points.high) == pytest.approx(Paired(200, 5, 1).interval)


@pytest.mark.parametrize(("most", "standing"), [(0.001, "beyond"), (0.03, "can't tell"), (0.1, "within")])
def test_how_a_loss_stands(most: float, standing: str) -> None:
    """Eight of 200 images are lost: 0.9 to 7.0 points."""
    found = losses.judge({"a": known(200), "b": known(200, *range(8))}, most)
    assert [found.of[name].standing for name in ("a", "b")] == ["best", standing]


def test_shares_alone_are_compared_by_newcombe_s_interval() -> None:
    """His example of 56 of 70 and 48 of 80: 20 points, 5.24 to 33.39 (Statistics in Medicine 17, table II, (a))."""
    found = losses.judge({"a": Known(56 / 70, 70), "b": Known(48 / 80, 80)}, 0.01)
    points = found.of["b"].points
    assert points is not None and not found.paired
    assert (points.low, points.middle, points.high) == pytest.approx((0.0524, 0.2, 0.3339), abs=1e-4)
    (low, _), (_, high) = wilson(56, 70), wilson(48, 80)
    assert points.low == pytest.approx(0.2 - hypot(0.8 - low, high - 0.6))


def test_beside_many_files_a_difference_says_less() -> None:
    """Of many pairs one lies far out by chance, and the best was chosen among them."""
    two = {"a": known(200), "b": known(200, *range(8))}
    alone = losses.judge(two, 0.005).of["b"]
    beside = losses.judge(two | {str(place): known(200) for place in range(8)}, 0.005).of["b"]
    assert alone.points is not None and beside.points is not None
    assert (alone.standing, beside.standing) == ("beyond", "can't tell")
    assert alone.points.middle == beside.points.middle == 0.04


def test_the_highest_of_several_normal_numbers() -> None:
    """Beside the tables of order statistics (H. L. Harter, Biometrika 48, 1961)."""
    found = [losses.highest_of(count) for count in (1, 2, 3, 4, 5, 10)]
    assert found == pytest.approx([0, 0.56419, 0.84628, 1.02938, 1.16296, 1.53875], abs=1e-4)


def test_by_how_much_the_best_of_several_is_flattered() -> None:
    """One file alone was not chosen. Of four equal ones with errors of their own, the highest is too high by that."""
    assert losses.judge({"a": known(200, 1)}, 0.01).flattery == pytest.approx(0, abs=1e-9)
    random = np.random.default_rng(1)
    too_high, said = [], []
    for _ in range(300):
        hits = random.random((4, 200)) < 0.9
        files = {
            str(place): Known(float(row.mean()), 200, {str(image): bool(hit) for image, hit in enumerate(row)})
            for place, row in enumerate(hits)
        }
        found = losses.judge(files, 0.01)
        too_high.append(files[found.best].top1 - 0.9)
        said.append(found.flattery)
    assert 0.8 * np.mean(said) < np.mean(too_high) < np.mean(said)


def test_four_equal_files_are_told_to_be_equal() -> None:
    """In at least 95 of 100 runs, whatever may be lost: here nearly nothing."""
    random = np.random.default_rng(2)
    kept = 0
    for _ in range(300):
        common = random.random(200) < 0.9
        hits = common ^ (random.random((4, 200)) < 0.05)
        files = {
            str(place): Known(float(row.mean()), 200, {str(image): bool(hit) for image, hit in enumerate(row)})
            for place, row in enumerate(hits)
        }
        kept += all(loss.standing != "beyond" for loss in losses.judge(files, 1e-6).of.values())
    assert kept >= 0.95 * 300
