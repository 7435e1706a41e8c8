"""Figures as PNG files: letters that matplotlib's own font lacks, and the same bytes each time."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from matplotlib import font_manager
from matplotlib.figure import Figure

from device.images import figures
from device.images.images import Pixels

HANGUL = "고양이"


def drawn(words: str, path: Path) -> Pixels:
    """A figure with these words at a tick of an axis, and beside it."""
    figure = Figure(figsize=(3, 2))
    axes = figure.subplots()
    axes.set_yticks([0.5], [words])
    figure.text(0.5, 0.5, words)
    figures.write(figure, path)
    image = cv2.imread(str(path))
    assert image is not None
    return np.asarray(image, np.uint8)


def has(letters: str) -> bool:
    return any(
        set(map(ord, letters)) <= set(font_manager.get_font(path).get_charmap())
        for path in font_manager.findSystemFonts()
    )


def test_letters_that_only_another_font_has_are_drawn(tmp_path: Path) -> None:
    """Three boxes are alike; three letters aren't."""
    if not has(HANGUL):
        pytest.skip("no font of this machine has Hangul (tests/debian-packages.txt: fonts-nanum)")
    first, second = (drawn(word * 3, tmp_path / f"{i}.png") for i, word in enumerate(HANGUL[:2]))
    assert (first != second).any(axis=2).sum() > 50
    ticks = first[:, : first.shape[1] // 8] != second[:, : second.shape[1] // 8]
    assert ticks.any(), "the words at the axis, too"


def test_letters_that_no_font_has_are_boxes_without_a_warning(tmp_path: Path, recwarn: pytest.WarningsRecorder) -> None:
    assert drawn("\U0010fffd", tmp_path / "a.png").min() < 100
    assert not recwarn


def test_the_same_figure_is_the_same_file(tmp_path: Path) -> None:
    for name in ("a", "b"):
        drawn("cat", tmp_path / f"{name}.png")
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()
    assert b"Software" not in (tmp_path / "a.png").read_bytes()
