"""How much accuracy is lost on the same images: cases by hand, how often the interval is right, and pairing."""

import shutil
from collections import Counter
from math import lgamma, log
from pathlib import Path

import numpy as np
import pytest

from benchmarks.documents import models
from benchmarks.gate import drop
from device.errors import UserError
from device.evaluation import by_label, needed
from device.evaluation.paired import Paired
from device.inference.overrides import NO_OVERRIDES
from tests import drawing
from tests.conftest import model
from tests.device.refusals import says
from train.data import cache as caches


def answers(lost: int, won: int, n: int, wrong: int = 0) -> tuple[dict[str, bool], dict[str, bool]]:
    """Of base and candidate, about the same n images; `wrong`: both are."""
    both = n - lost - won - wrong
    base = [True] * lost + [False] * won + [False] * wrong + [True] * both
    candidate = [False] * lost + [True] * won + [False] * wrong + [True] * both
    names = [str(i) for i in range(n)]
    return dict(zip(names, base, strict=True)), dict(zip(names, candidate, strict=True))


@pytest.mark.parametrize(
    ("lost", "won", "n", "most", "answer"),
    [
        (0, 0, 1000, 0.01, "no regression"),
        (0, 0, 100, 0.01, "can't tell"),
        (8, 8, 10_000, 0.01, "no regression"),
        (300, 20, 10_000, 0.01, "regression"),
        (15, 10, 1000, 0.01, "can't tell"),
        (0, 40, 1000, 0.01, "no regression"),  # it gains
        (30, 0, 30, 0.01, "regression"),
        (200, 100, 10_000, 0.01, "can't tell"),  # at the very limit
        (1, 0, 1, 0.01, "can't tell"),
    ],
)
def test_the_answer_follows_from_what_was_lost_and_won(lost: int, won: int, n: int, most: float, answer: str) -> None:
    found = drop.judge(*answers(lost, won, n), most)
    assert (found.answer, found.n, found.lost, found.won, found.aside) == (answer, n, lost, won, 0)
    assert found.points.middle == (lost - won) / n
    assert found.base - found.candidate == pytest.approx(found.points.middle)
    assert found.points.low < found.points.middle < found.points.high


def test_the_interval_is_what_is_computed_by_hand() -> None:
    """fell 9/102, rose 3/102; half 1.96 sqrt((12/102 - (6/102)^2) / 102)."""
    found = drop.judge(*answers(8, 2, 100, wrong=10), 0.01)
    assert (found.base, found.candidate) == (0.88, 0.82)
    assert found.points.low == pytest.approx(0.058824 - 0.065573, abs=1e-5)
    assert found.points.high == pytest.approx(0.058824 + 0.065573, abs=1e-5)


def test_what_both_know_or_neither_does_is_one() -> None:
    assert drop.judge(*answers(8, 2, 100), 0.01).points == drop.judge(*answers(8, 2, 100, wrong=60), 0.01).points


@pytest.mark.parametrize(
    ("n", "fell", "rose"), [(30, 0.1, 0.02), (40, 0.05, 0.05), (60, 0.03, 0.001), (60, 0.2, 0.1), (60, 0.01, 0.008)]
)
def test_the_interval_holds_what_is_true_by_exact_enumeration(n: int, fell: float, rose: float) -> None:
    held = 0.0
    for lost in range(n + 1):
        for won in range(n + 1 - lost):
            rest = n - lost - won
            ways = lgamma(n + 1) - lgamma(lost + 1) - lgamma(won + 1) - lgamma(rest + 1)
            chance = np.exp(ways + lost * log(fell) + won * log(rose) + rest * log(1 - fell - rose))
            if chance > 1e-9:
                points = drop.judge(*answers(lost, won, n), 0.01).points
                held += chance * (points.low <= fell - rose <= points.high)
    assert held >= 0.945


# In words.


@pytest.mark.parametrize(
    ("lost", "won", "n", "facts"),
    [
        (300, 20, 10_000, ("2.45 points lost at least; ",)),
        (8, 8, 10_000, ("0.08 points lost at most; ",)),
        (0, 40, 1000, ("2.75 points gained at least; ",)),
        (15, 10, 1000, ("0.52 points gained to 1.51 points lost ", " 1000 images; ", " 2,300 to 4,800 images ")),
        (200, 100, 10_000, ("0.66 points lost to 1.34 points lost ", " 10000 images; ", "as the limit allows")),
    ],
)
def test_the_reason_has_the_points_and_the_limit(lost: int, won: int, n: int, facts: tuple[str, ...]) -> None:
    says(drop.judge(*answers(lost, won, n), 0.01).reason, " limit is 1 point", *facts)


# How many images it takes.


@pytest.mark.parametrize(("differing", "most"), [(0.01, 0.005), (0.02, 0.01), (0.05, 0.02)])
def test_with_so_many_images_nearly_all_pass_that_lose_nothing(differing: float, most: float) -> None:
    dice, n = np.random.default_rng(1), needed.images(differing, most)
    shares = (differing / 2, differing / 2, 1 - differing)
    found = [
        drop.judge(*answers(int(lost), int(won), n), most).answer for lost, won, _ in dice.multinomial(n, shares, 200)
    ]
    assert found.count("no regression") >= 180 and "regression" not in found


def test_what_is_asked_for_is_what_it_takes() -> None:
    """Of a thousand images 20 in 1,000 are answered otherwise; the span is of the number for that share."""
    dice, enough, held = np.random.default_rng(1), needed.images(0.02, 0.01), 0
    for differ in dice.binomial(1000, 0.02, 200):
        low, high = needed.span(Paired(1000, int(differ), 0), 0.01)
        assert low < high
        held += low <= enough <= high
    assert held >= 180


def test_a_few_images_are_never_said_to_be_enough() -> None:
    found = drop.judge(*answers(0, 0, 30), 0.08)
    assert found.answer == "can't tell"
    assert needed.span(Paired(30, 0, 0), 0.08)[0] > 30


def test_what_nobody_has_is_not_asked_for() -> None:
    assert needed.advice(Paired(1000, 20, 20), 0.0001) == ""
    assert drop.judge(*answers(20, 20, 1000), 0.0001).reason.endswith("; the limit is 0.01 points")


# Label by label.


def labeled(*labels: tuple[int, int, int]) -> tuple[dict[str, bool], dict[str, bool], dict[str, str]]:
    """Of base and candidate, and the labels, which are called 0, 1, 2 …; of each n, lost and won."""
    base: dict[str, bool] = {}
    candidate: dict[str, bool] = {}
    names = {}
    for label, (n, lost, won) in enumerate(labels):
        for i in range(n):
            name = f"{label}/{i}"
            base[name], candidate[name], names[name] = i >= won, i < n - lost, str(label)
    return base, candidate, names


def judged(most: float, *labels: tuple[int, int, int]) -> drop.Drop:
    base, candidate, names = labeled(*labels)
    return drop.judge(base, candidate, most, names)


def test_a_rare_label_that_vanishes_is_a_regression() -> None:
    """Twenty of 9,020 are 0.2 points."""
    found = judged(0.02, *[(1000, 5, 5)] * 9, (20, 20, 0))
    assert found.points.high < 0.02 and found.answer == "regression"
    says(found.reason, "label 9: 20 of 20 images", " 0.45 points lost at most; ", " 2 points")
    assert list(drop.notes(found, 0.02)) == []


def test_a_loss_of_a_label_within_the_limit_fails_nothing_and_is_said() -> None:
    """30 of 1,000 are certainly more than none, and not certainly more than two points."""
    found = judged(0.02, (1000, 30, 0), *[(1000, 0, 0)] * 9)
    assert found.answer == "no regression" and "label" not in found.reason
    (note,) = drop.notes(found, 0.02)
    says(note, "label 0: 30 of 1000 images")


def test_a_label_that_vanishes_but_is_too_rare_is_said() -> None:
    found = judged(0.02, *[(1000, 0, 0)] * 9, (5, 5, 0))
    assert found.answer == "no regression"
    (note,) = drop.notes(found, 0.02)
    says(note, "label 9: 5 of 5 images", "never right")


def test_what_all_labels_lose_is_a_regression_as_before() -> None:
    found = judged(0.01, *[(1000, 30, 2)] * 10)
    assert found.answer == "regression" and found.reason.startswith("2.45 points lost ")


def test_a_label_that_gains_is_none() -> None:
    assert judged(0.01, (1000, 0, 30), (1000, 0, 0)).answer == "no regression"


def test_of_equal_models_hardly_any_label_fails() -> None:
    """A hundred labels of fifty images, one answer in five another: by chance at most one gate in a hundred fails."""
    dice, failed, targets = np.random.default_rng(1), 0, np.repeat(np.arange(100), 50)
    for _ in range(200):
        drawn = dice.random(len(targets))
        base, candidate = drawn >= 0.1, drawn < 0.9
        found = drop.decide(
            base, candidate, 0.005, by_label.compare(base, candidate, targets, [str(i) for i in range(100)])
        )
        failed += found.reason.startswith("label")
    assert failed <= 2


def test_labels_that_are_not_known_are_not_judged() -> None:
    base, candidate, _ = labeled(*[(1000, 5, 5)] * 9, (20, 20, 0))
    found = drop.judge(base, candidate, 0.02)
    assert (found.answer, found.by_label, list(drop.notes(found, 0.02))) == ("no regression", None, [])


def test_only_labels_of_images_that_both_were_asked_about_count() -> None:
    base, candidate, names = labeled((100, 0, 0), (30, 30, 0))
    seen = {name: hit for name, hit in base.items() if name.startswith("0/")}
    assert drop.judge(seen, candidate, 0.05, names).answer == "no regression"


# The same images.


def test_only_images_that_both_were_asked_about_count() -> None:
    base, candidate = answers(0, 0, 500)
    found = drop.judge({**base, "mine": True}, {**candidate, "theirs": False, "too": False}, 0.01)
    assert (found.n, found.lost, found.won, found.aside) == (500, 0, 0, 3)


def test_none_in_common() -> None:
    said = "base and candidate were measured on different images; give both the same --data"
    with pytest.raises(UserError, match=said):
        drop.judge({"a": True}, {"b": True}, 0.01)
    with pytest.raises(UserError, match=said):
        drop.judge({}, {}, 0.01)


def right(variant: str, data: str | Path | None) -> dict[str, bool]:
    (found,) = models.find([model(variant)])
    return drop.right(found, None if data is None else str(data), NO_OVERRIDES, 1, None)


def test_a_folder_that_has_moved_holds_the_same_images(shapes_folder: Path, tmp_path: Path) -> None:
    before = right("int8", shapes_folder)
    assert len(before) == 30 and sum(before.values()) >= 28
    moved = shutil.move(shapes_folder, tmp_path / "elsewhere/images")
    assert right("int8", moved) == before


def test_other_images_of_the_same_names_are_others(tmp_path: Path) -> None:
    one = drawing.write_folder(tmp_path / "one", {None: 9}, seed=1)
    other = drawing.write_folder(tmp_path / "other", {None: 9}, seed=2)
    assert not set(right("int8", one)) & set(right("int8", other))


def test_a_cache_of_the_folder_holds_the_same_images_too(tmp_path: Path) -> None:
    root = drawing.write_folder(tmp_path / "shapes", {"train": 9, "test": 30})
    caches.provide(caches.DataRequest(str(root), (16, 16)))
    assert set(right("int8", "shapes")) == set(right("int8", root))


def test_images_come_with_their_labels(shapes_folder: Path) -> None:
    asked = drop.ask(models.find([model("int8")])[0], str(shapes_folder), NO_OVERRIDES, 1, None)
    assert asked.right == right("int8", shapes_folder) and set(asked.labels) == set(asked.right)
    assert Counter(asked.labels.values()) == dict.fromkeys(drawing.LABELS, 10)


def test_float_and_int8_of_one_network(shapes_folder: Path) -> None:
    found = drop.judge(right("float32", shapes_folder), right("int8", shapes_folder), 0.5)
    assert (found.answer, found.n) == ("no regression", 30)
