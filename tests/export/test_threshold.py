"""The threshold of unknown: the wished share holds for images that didn't choose it; and which images choose."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from device.data import content
from device.errors import UserError
from export.confidence import threshold
from export.confidence.threshold import ThresholdWish
from export.source import unknown_images
from tests import drawing
from tests.limits import limits


@pytest.mark.parametrize(("n", "share"), [(19, 0.95), (40, 0.9), (500, 0.95)])
def test_the_share_of_right_predictions_that_stays(n: int, share: float) -> None:
    """Of one more image, on average over many choices; no lower than wished, and no higher than a rank's step."""
    random = np.random.default_rng(1)
    chosen = [threshold.keeping(random.random(n), share) for _ in range(4000)]
    assert share - 0.005 < np.mean([1 - below for below in chosen]) < share + 1 / (n + 1) + 0.005


@pytest.mark.parametrize(("n", "share"), [(19, 0.05), (40, 0.1), (500, 0.05)])
def test_the_share_of_false_accepts(n: int, share: float) -> None:
    random = np.random.default_rng(2)
    chosen = [threshold.refusing(random.random(n), share) for _ in range(4000)]
    assert share - 1 / (n + 1) - 0.005 < np.mean([1 - below for below in chosen]) < share + 0.005


def test_equal_scores_fall_on_one_side() -> None:
    """As uint8 scores are: none of unknown things' gets through, none of right predictions' is lost."""
    scores = np.full(100, 0.75)
    assert threshold.refusing(scores, 0.05) > 0.75 >= threshold.keeping(scores, 0.95)


@pytest.mark.parametrize(
    ("wish", "least"), [((0.95, None), 19), ((0.9, None), 9), ((None, 0.05), 19), ((None, None), 0)]
)
def test_how_many_images_it_takes(wish: tuple[float | None, float | None], least: int) -> None:
    assert ThresholdWish(*wish).least == least


@pytest.mark.parametrize(
    "given", [(0.0, None, False), (95.0, None, False), (None, 1.0, True), (None, 0.05, False), (0.9, 0.1, True)]
)
def test_wishes_without_sense(given: tuple[float | None, float | None, bool]) -> None:
    with pytest.raises(UserError):
        threshold.wish(*given)


def test_what_is_wished_by_default() -> None:
    assert threshold.wish(None, None, has_unknown=False) == ThresholdWish()
    assert threshold.wish(None, None, has_unknown=True) == ThresholdWish(false_accepts=0.05)
    assert threshold.wish(0.9, None, has_unknown=True) == ThresholdWish(keep_known=0.9)


# Images of unknown things.


def hashes(paths: tuple[Path, ...]) -> list[str]:
    return list(content.hash_files(paths))


def test_halves_are_drawn_by_content_and_seed(tmp_path: Path) -> None:
    folder = drawing.write_folder(tmp_path / "things", {None: 21})
    found = unknown_images.find(folder, 1, frozenset())
    chosen, judged = found.halves()
    assert (len(chosen), len(judged)) == (11, 10) and not set(hashes(chosen)) & set(hashes(judged))
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    for i, path in enumerate(sorted(folder.rglob("*.png"), reverse=True)):
        shutil.copyfile(path, elsewhere / f"{i}.png")
    again = unknown_images.find(elsewhere, 1, frozenset())
    assert again.sha256 == found.sha256 and hashes(again.halves()[0]) == hashes(chosen)
    other = unknown_images.find(folder, 2, frozenset())
    assert other.sha256 != found.sha256 and set(hashes(other.halves()[0])) != set(hashes(chosen))


def test_copies_and_known_images_do_not_count(tmp_path: Path) -> None:
    folder = drawing.write_folder(tmp_path / "things", {None: 12})
    first, second, *_ = sorted(folder.rglob("*.png"))
    shutil.copyfile(first, folder / "copy.png")
    found = unknown_images.find(folder, 1, frozenset(hashes((second,))))
    assert len(found.paths) == 11 and second not in found.paths
    with pytest.raises(UserError, match="no images of unknown things"):
        unknown_images.find(folder, 1, frozenset(hashes(tuple(folder.rglob("*.png")))))


def test_no_more_than_so_many(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = drawing.write_folder(tmp_path / "things", {None: 12})
    limits(monkeypatch, unknown_images, MOST=5)
    assert len(unknown_images.find(folder, 1, frozenset()).paths) == 5


@pytest.mark.parametrize("name", ["nowhere", "empty"])
def test_a_folder_without_images(tmp_path: Path, name: str) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match=name):
        unknown_images.find(tmp_path / name, 1, frozenset())
