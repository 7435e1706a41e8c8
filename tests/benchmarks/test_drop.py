"""How much accuracy is lost on the same pictures: cases by hand, how often the interval is right, and pairing."""

import shutil
from math import lgamma, log
from pathlib import Path

import numpy as np
import pytest

from benchmarks import models
from benchmarks.gate import drop
from device.contract import NO_HINTS
from device.errors import UserError
from tests import drawing
from tests.conftest import model
from train import cache as caches


def answers(lost: int, won: int, n: int, wrong: int = 0) -> tuple[dict[str, bool], dict[str, bool]]:
    """Of base and candidate, about the same n pictures; `wrong`: both are."""
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
def test_answers(lost: int, won: int, n: int, most: float, answer: str) -> None:
    found = drop.judge(*answers(lost, won, n), most)
    assert (found.answer, found.n, found.lost, found.won, found.aside) == (answer, n, lost, won, 0)
    assert found.points.middle == (lost - won) / n
    assert found.base - found.candidate == pytest.approx(found.points.middle)
    assert found.points.low < found.points.middle < found.points.high


def test_by_hand() -> None:
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
    ("lost", "won", "n", "reason"),
    [
        (300, 20, 10_000, "2.45 points lost at least; the limit is 1 point"),
        (8, 8, 10_000, "0.08 points lost at most; the limit is 1 point"),
        (0, 40, 1000, "2.75 points gained at least; the limit is 1 point"),
        (
            15,
            10,
            1000,
            "0.52 points gained to 1.51 points lost on 1000 pictures; the limit is 1 point; about 8,000 pictures would",
        ),
        (200, 100, 10_000, "0.66 points lost to 1.34 points lost on 10000 pictures; the limit is 1 point"),
    ],
)
def test_reasons(lost: int, won: int, n: int, reason: str) -> None:
    found = drop.judge(*answers(lost, won, n), 0.01)
    assert found.reason.startswith(reason)
    assert ("pictures would tell" in found.reason) == reason.endswith("would")


def test_so_many_pictures_do_tell() -> None:
    """In four of five cases: of a thousand, 15 were lost and 10 won, and it says that it takes 8,000."""
    dice, told = np.random.default_rng(1), 0
    for _ in range(60):
        lost, won, _ = dice.multinomial(8000, (0.015, 0.01, 0.975))
        told += drop.judge(*answers(int(lost), int(won), 8000), 0.01).answer == "no regression"
    assert 40 <= told <= 56


def test_a_few_pictures_are_never_said_to_be_enough() -> None:
    found = drop.judge(*answers(0, 0, 30), 0.08)
    assert found.answer == "can't tell"
    assert int(found.reason.split("about ")[1].split()[0].replace(",", "")) > 30


# The same pictures.


def test_only_pictures_that_both_were_asked_about_count() -> None:
    base, candidate = answers(0, 0, 500)
    found = drop.judge({**base, "mine": True}, {**candidate, "theirs": False, "too": False}, 0.01)
    assert (found.n, found.lost, found.won, found.aside) == (500, 0, 0, 3)


def test_none_in_common() -> None:
    said = "base and candidate were not asked about the same pictures; give both the same --data"
    with pytest.raises(UserError, match=said):
        drop.judge({"a": True}, {"b": True}, 0.01)
    with pytest.raises(UserError, match=said):
        drop.judge({}, {}, 0.01)


def right(variant: str, data: str | Path | None) -> dict[str, bool]:
    (found,) = models.find([model(variant)])
    return drop.right(found, None if data is None else str(data), NO_HINTS, 1, None)


def test_a_folder_that_has_moved_holds_the_same_pictures(shapes_folder: Path, tmp_path: Path) -> None:
    before = right("int8", shapes_folder)
    assert len(before) == 30 and sum(before.values()) >= 28
    moved = shutil.move(shapes_folder, tmp_path / "elsewhere/pictures")
    assert right("int8", moved) == before


def test_other_pictures_of_the_same_names_are_others(tmp_path: Path) -> None:
    one = drawing.write_folder(tmp_path / "one", {None: 9}, seed=1)
    other = drawing.write_folder(tmp_path / "other", {None: 9}, seed=2)
    assert not set(right("int8", one)) & set(right("int8", other))


def test_a_cache_of_the_folder_holds_the_same_pictures_too(tmp_path: Path) -> None:
    root = drawing.write_folder(tmp_path / "shapes", {"train": 9, "test": 30})
    caches.provide(caches.DataRequest(str(root), (16, 16)))
    assert set(right("int8", "shapes")) == set(right("int8", root))


def test_float_and_int8_of_one_network(shapes_folder: Path) -> None:
    found = drop.judge(right("float32", shapes_folder), right("int8", shapes_folder), 0.5)
    assert (found.answer, found.n) == ("no regression", 30)
