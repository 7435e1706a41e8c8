"""Accuracy, its interval, the share of each class, and a model file over labeled images."""

from pathlib import Path

import numpy as np
import pytest
from scipy.stats import binomtest

from device.data import folders
from device.errors import UserError
from device.evaluation import evaluate
from device.evaluation.evaluate import TopOne
from device.inference.classifier import Classifier
from tests import drawing
from tests.conftest import model


@pytest.mark.parametrize(
    ("right", "n"), [(0, 1), (1, 1), (0, 20), (20, 20), (1, 20), (13, 20), (924, 1000), (9240, 10_000), (1, 10**6)]
)
def test_wilson_is_scipys(right: int, n: int) -> None:
    expected = binomtest(right, n).proportion_ci(method="wilson")
    low, high = evaluate.wilson(right, n)
    assert (low, high) == pytest.approx((expected.low, expected.high), abs=1e-12)
    assert 0 <= low <= right / n <= high + 1e-12 and high <= 1


def test_wilson_of_nothing_says_nothing() -> None:
    assert evaluate.wilson(0, 0) == (0, 1)


def test_accuracy_counts_the_first_of_equal_scores() -> None:
    scores = np.array([[0.2, 0.8], [0.9, 0.1], [0.5, 0.5], [0.5, 0.5]], np.float32)
    result = evaluate.accuracy(scores, np.array([1, 1, 0, 1]))
    assert result == TopOne(0.5, 4, evaluate.wilson(2, 4))


def test_each_class_by_itself() -> None:
    scores = np.eye(3, dtype=np.float32)[[0, 0, 1, 0]]
    rows = evaluate.per_class(scores, np.array([0, 0, 1, 1]), ("a", "b", "never seen"))
    assert [(row.label, row.top1, row.n) for row in rows] == [("a", 1.0, 2), ("b", 0.5, 2)]
    assert rows[1].interval == evaluate.wilson(1, 2)


def test_scores_of_a_folder_are_those_of_each_image_alone(shapes_folder: Path) -> None:
    """More images than one block of 64 holds, over all cores, in order."""
    data = folders.labeled_folder(shapes_folder / "train", drawing.LABELS)
    paths = [path for path in data.sources if isinstance(path, Path)]
    many = folders.Labeled(drawing.LABELS, paths * 3, np.tile(data.targets, 3), "train", 0)
    counted: list[int] = []
    scores = evaluate.score_images(model("int8"), many, progress=counted.append)
    assert scores.shape == (180, 3) and counted == [64, 64, 52]
    alone = Classifier(model("int8"))
    expected = np.stack([alone.classify(data.image(i)).scores for i in range(len(data))])
    assert np.array_equal(scores, np.tile(expected, (3, 1)))
    assert evaluate.accuracy(scores, many.targets).top1 > 0.95


def test_rows_of_a_cache_are_scored_too() -> None:
    images = np.stack([image[4:20, 7:23] for _, image in drawing.shapes(9, 1)])
    data = folders.Labeled(drawing.LABELS, images, np.arange(9) % 3, "test", 0)
    scores = evaluate.score_images(model("float32"), data)
    alone = Classifier(model("float32"))
    assert np.array_equal(scores[5], alone.classify(images[5]).scores)


def test_a_broken_image_stops_the_measurement(shapes_folder: Path) -> None:
    broken = next((shapes_folder / "test/square").iterdir())
    broken.write_bytes(broken.read_bytes()[:100])
    data = folders.labeled_folder(shapes_folder, drawing.LABELS)
    with pytest.raises(UserError, match=f"{broken.name}: the image is truncated"):
        evaluate.score_images(model("int8"), data)
