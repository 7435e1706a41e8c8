"""The images of a run are drawn whatever the labels are called, without a word on the terminal."""

from pathlib import Path

import cv2
import numpy as np
import pytest

# Needs no TensorFlow, but matplotlib and scikit-learn: too slow to stand among the quick tests.
pytestmark = pytest.mark.tensorflow

# Formulas to matplotlib; signs its font lacks; nothing; more than fits; wrong for a legend.
LABELS = ("$_$ $^$", "고양이", "a_b^c", "x" * 200, "_hidden")


def is_an_image(path: Path) -> bool:
    image = cv2.imread(str(path))
    return image is not None and len(np.unique(image)) > 10


def test_any_label_can_be_drawn(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from train.run import plots

    random = np.random.default_rng(1)
    targets = np.arange(20) % 5
    scores = random.dirichlet(np.ones(5), 20).astype(np.float32)
    images = random.integers(0, 256, (20, 8, 8, 3), np.uint8)
    plots.confusion(targets, scores.argmax(axis=1), LABELS, tmp_path / "confusion.png")
    plots.samples(images, targets, scores, LABELS, tmp_path / "samples.png", seed=1)
    assert is_an_image(tmp_path / "confusion.png")
    assert is_an_image(tmp_path / "samples.png")
    assert capsys.readouterr() == ("", "")


def test_a_run_of_one_epoch_without_mistakes(tmp_path: Path) -> None:
    from train.run import plots

    values: dict[str, list[float]] = {
        "epoch": [1],
        "loss": [1.0],
        "val_loss": [1.1],
        "accuracy": [0.5],
        "val_accuracy": [0.4],
    }
    plots.history(values, 1, tmp_path / "history.png")
    targets = np.arange(3)
    plots.samples(
        np.zeros((3, 8, 8, 3), np.uint8),
        targets,
        np.eye(3, dtype=np.float32),
        ("a", "b", "c"),
        tmp_path / "samples.png",
        seed=1,
    )
    assert is_an_image(tmp_path / "history.png")
    assert is_an_image(tmp_path / "samples.png")


def test_more_classes_than_a_person_reads(tmp_path: Path) -> None:
    from train.run import plots

    targets = np.arange(200) % 100
    plots.confusion(targets, targets[::-1], tuple(f"class {i}" for i in range(100)), tmp_path / "confusion.png")
    assert is_an_image(tmp_path / "confusion.png")


@pytest.mark.parametrize(
    ("name", "said"), [("accuracy", "training"), ("agreement", "training: agreement with the targets")]
)
def test_a_training_figure_that_is_no_accuracy_is_called_what_it_is(name: str, said: str) -> None:
    from train.run import plots

    values: dict[str, list[float]] = {
        "epoch": [1, 2],
        "loss": [1.0, 0.9],
        "val_loss": [1.1, 1.0],
        name: [0.5, 0.6],
        "val_accuracy": [0.4, 0.7],
    }
    axis = plots.curves(values, 1).axes[1]
    lines = dict(zip(axis.get_legend_handles_labels()[1], axis.get_lines(), strict=True))
    assert list(lines) == [said, "validation", "kept: epoch 1"]
    np.testing.assert_allclose(lines[said].get_ydata(), [50, 60])
