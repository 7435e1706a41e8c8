"""Smoothing: averages by hand, a label that stays until another has clearly won, unknown below the threshold."""

import numpy as np
import pytest

from device.live.smoothing import Smoother


def feed(smoother: Smoother, *frames: tuple[float, ...]) -> list[int | None]:
    return [smoother.smooth(np.array(scores, np.float32))[1] for scores in frames]


def test_without_smoothing_the_best_label_of_each_frame_is_shown() -> None:
    smoother = Smoother()
    assert feed(smoother, (0.6, 0.4), (0.49, 0.51), (0.51, 0.49)) == [0, 1, 0]
    averaged, _ = smoother.smooth(np.array([0.2, 0.8], np.float32))
    assert averaged.tolist() == pytest.approx([0.2, 0.8])


def test_the_average_is_over_the_last_frames() -> None:
    smoother = Smoother(frames=3)
    for scores in ((1.0, 0.0), (0.4, 0.6), (0.4, 0.6)):
        averaged, _ = smoother.smooth(np.array(scores, np.float32))
    assert averaged.tolist() == pytest.approx([0.6, 0.4])
    averaged, _ = smoother.smooth(np.array((0.1, 0.9), np.float32))
    assert averaged.tolist() == pytest.approx([0.3, 0.7])


def test_a_label_changes_only_when_another_has_clearly_won() -> None:
    """Frames that go back and forth: shown 0 until label 1 leads by more than the margin on average."""
    smoother = Smoother(frames=2)
    assert feed(smoother, (0.9, 0.1), (0.45, 0.55), (0.46, 0.54)) == [0, 0, 0]
    assert feed(smoother, (0.46, 0.54), (0.4, 0.6)) == [0, 1]
    assert feed(smoother, (0.55, 0.45), (0.54, 0.46), (0.6, 0.4)) == [1, 1, 0]


def test_below_the_threshold_there_is_no_label() -> None:
    smoother = Smoother(threshold=0.5)
    assert feed(smoother, (0.7, 0.2, 0.1), (0.4, 0.3, 0.3), (0.2, 0.5, 0.3)) == [0, None, 1]
    assert feed(Smoother(threshold=0.0), (0.4, 0.3, 0.3)) == [0]


def test_what_was_before_a_gap_is_forgotten() -> None:
    smoother = Smoother(frames=10)
    feed(smoother, *[(1.0, 0.0)] * 10)
    assert feed(smoother, (0.0, 1.0)) == [0]
    smoother.forget()
    assert feed(smoother, (0.0, 1.0)) == [1]
