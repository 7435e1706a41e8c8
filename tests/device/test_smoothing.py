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


def test_a_smoothed_label_is_unknown_when_it_is_clearly_below_and_known_when_it_is_back() -> None:
    smoother = Smoother(frames=2, threshold=0.5)
    assert feed(smoother, (0.6, 0.4), (0.42, 0.38), (0.42, 0.38)) == [0, 0, 0], "averages 0.6, 0.51, 0.42"
    assert feed(smoother, (0.36, 0.3), (0.36, 0.3)) == [None, None], "0.39, 0.36"
    assert feed(smoother, (0.5, 0.4), (0.48, 0.4), (0.52, 0.4)) == [None, None, 0], "0.43, 0.49, 0.5"
    low = Smoother(frames=2, threshold=0.1)
    assert feed(low, (0.2, 0.1), (0.0, 0.0), (0.0, 0.0)) == [0, 0, None], "half of a low threshold"


def test_after_unknown_the_best_label_is_shown_at_the_threshold() -> None:
    """Though it is less than the margin ahead of the one that was best, or shown, before."""
    smoother = Smoother(frames=2, threshold=0.5)
    assert feed(smoother, (0.45, 0.4), (0.45, 0.48), (0.43, 0.54)) == [None, None, 1], "at last 0.44 and 0.51"
    assert feed(smoother, (0.52, 0.46), (0.53, 0.45)) == [1, 1], "at last 0.525 and 0.455: the shown one stays"
    assert feed(smoother, (0.4, 0.3), (0.4, 0.3), (0.64, 0.3)) == [None, None, 0]


def test_a_score_that_wavers_about_the_threshold_does_not_flicker() -> None:
    """A minute at 30 frames a second, noise with memory, as a camera's."""
    random, noise, changes = np.random.default_rng(1), 0.0, 0
    smoother, before = Smoother(frames=15, threshold=0.5), None
    for _ in range(1800):
        noise = 0.8 * noise + random.normal(0, 0.04)
        _, shown = smoother.smooth(np.array([0.5 + noise, 0.2], np.float32))
        changes, before = changes + (shown != before), shown
    assert changes <= 10, "73 without a lower threshold for the label that is shown"


def test_what_was_before_a_gap_is_forgotten() -> None:
    smoother = Smoother(frames=10)
    feed(smoother, *[(1.0, 0.0)] * 10)
    assert feed(smoother, (0.0, 1.0)) == [0]
    smoother.forget()
    assert feed(smoother, (0.0, 1.0)) == [1]
