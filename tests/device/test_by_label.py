"""What one figure hides: uneven labels, the worst one, and labels that a second model loses beyond chance."""

from dataclasses import dataclass

import numpy as np
import pytest
from scipy.stats import binomtest, norm

from device.evaluation import by_label, evaluate
from device.evaluation.by_label import ByLabel
from device.evaluation.evaluate import LabelTopOne
from device.evaluation.paired import Paired

COMMON = 200


def pair(*labels: tuple[int, int, int]) -> ByLabel:
    """Of each label n, lost and won; the rest both know. They are called 0, 1, 2 …"""
    targets = np.repeat(np.arange(len(labels)), [n for n, _, _ in labels])
    first = np.concatenate([np.arange(n) >= won for n, _, won in labels])
    second = np.concatenate([np.arange(n) < n - lost for n, lost, _ in labels])
    return by_label.compare(first, second, targets, [str(i) for i in range(len(labels))])


# One model.


@pytest.mark.parametrize(
    ("counts", "uneven"), [((10, 10), False), ((15, 10), False), ((16, 10), True), ((10, 0, 10), False), ((1,), False)]
)
def test_uneven_labels(counts: tuple[int, ...], uneven: bool) -> None:
    assert by_label.is_uneven(counts) is uneven


@dataclass(frozen=True)
class Judged:
    """What stands beside a top-1, as the rows of several documents have it."""

    balanced: float | None = None
    worst_label: LabelTopOne | None = None
    per_class: tuple[LabelTopOne, ...] | None = None


def test_figures_beside_an_accuracy() -> None:
    scores = np.eye(3, dtype=np.float32)[[0, 0, 0, 0, 1, 1, 2, 0]]
    classes = evaluate.per_class(scores, np.array([0, 0, 0, 0, 1, 1, 2, 2]), ("a", "b", "c"))
    found = Judged(evaluate.balanced(classes), by_label.worst(classes), classes)
    assert found.balanced == pytest.approx(2.5 / 3)
    assert found.worst_label == LabelTopOne("c", **vars(evaluate.accuracy(scores[6:], np.array([2, 2]))))
    assert by_label.cells(found) == ("83.33 %", "c 50.00 % (n 2)")
    assert by_label.are_uneven([Judged(), found]) and not by_label.are_uneven([Judged()])


def test_of_equally_bad_labels_the_one_with_more_images_is_named() -> None:
    rows = [LabelTopOne("few", 0.0, 1, (0.0, 1.0)), LabelTopOne("many", 0.0, 30, (0.0, 0.2))]
    assert by_label.worst(rows).label == "many"


def test_where_nothing_was_measured() -> None:
    assert by_label.cells(Judged()) == ("-", "-")


# Two models.


def test_a_rare_label_that_is_lost_is_named() -> None:
    found = pair((COMMON, 2, 2), (20, 20, 0), (COMMON, 0, 3))
    (lost,) = found.beyond_chance
    assert (lost.label, lost.n, lost.lost, lost.won, lost.first, lost.second) == ("1", 20, 20, 0, 1.0, 0.0)
    assert lost.p == pytest.approx(binomtest(20, 20, alternative="greater").pvalue)
    assert found.worst == lost and found.uneven and not found.vanished
    assert found.balanced == (pytest.approx((0.99 + 1 + 0.985) / 3), pytest.approx((0.99 + 0 + 1) / 3))
    assert by_label.remarks(found) == ["label 1: 20 of 20 images lost, beyond chance"]


def test_a_label_s_loss_is_too_much_or_a_remark() -> None:
    """Twenty of 1,020 images are two points, which three would allow: not so many of one label."""
    found, pairs = pair((1_000, 0, 0), (20, 20, 0)), Paired(1_020, 20, 0)
    (lost,) = found.beyond_chance
    for most, is_too_much in ((lost.at_least - 0.01, True), (lost.at_least, False)):
        assert by_label.is_allowed(pairs, found, most) is not is_too_much
        assert (bool(by_label.losses(found, most)), by_label.remarks(found, most) == []) == (is_too_much, is_too_much)
    assert by_label.is_allowed(pairs, None, 0.04) is True and by_label.is_allowed(pairs, found, 0.04) is False
    assert by_label.is_allowed(pairs, None, 0.02) is None


def test_what_is_certainly_lost_by_hand() -> None:
    """Bonett and Price with one image added to each cell: 13/62 and 1/62, at one in a hundred for three labels."""
    (row,) = pair((50, 0, 0), (60, 12, 0), (50, 0, 0)).beyond_chance
    fell, rose = 13 / 62, 1 / 62
    half = norm.ppf(1 - 0.01 / 3) * np.sqrt((fell + rose - (fell - rose) ** 2) / 62)
    assert row.at_least == pytest.approx(fell - rose - half, abs=1e-9)
    assert row.p == pytest.approx(binomtest(12, 12, alternative="greater").pvalue)


@pytest.mark.parametrize(("labels", "named"), [(10, True), (11, False)])
def test_the_more_labels_the_more_it_takes(labels: int, named: bool) -> None:
    """Ten of ten lost is one in 1024: enough for ten labels, not for eleven."""
    found = pair((10, 10, 0), *[(50, 0, 0)] * (labels - 1))
    assert bool(found.beyond_chance) is named and bool(found.vanished) is not named


def test_labels_without_images_are_not_counted() -> None:
    targets = np.repeat([0, 20], [10, 50])
    found = by_label.compare(np.ones(60, bool), targets == 20, targets, [str(i) for i in range(40)])
    assert [row.label for row in found.beyond_chance] == ["0"]


def test_the_least_probable_comes_first() -> None:
    found = pair((COMMON, 0, 0), (20, 15, 0), (30, 30, 0))
    assert [row.label for row in found.beyond_chance] == ["2", "1"]


def test_a_label_too_rare_for_chance_to_be_ruled_out_is_named_too() -> None:
    found = pair((COMMON, 0, 0), (5, 5, 0), (1, 1, 0))
    assert not found.beyond_chance
    assert by_label.remarks(found) == ["label 1: 5 of 5 images lost; it is never right any more"]


def test_images_won_are_said_too() -> None:
    (said,) = by_label.remarks(pair((COMMON, 60, 5), (COMMON, 0, 0)))
    assert said == "label 0: 60 of 200 images lost, 5 won, beyond chance"


def test_two_equal_models() -> None:
    found = pair((30, 0, 0), (40, 2, 2))
    assert by_label.remarks(found) == [] and not found.uneven
