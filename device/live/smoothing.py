"""From the scores of many frames to one label that doesn't flicker.

Averages the last frames, with hysteresis: the shown label stays until another one wins clearly, or its own score is
clearly below the threshold; while none is shown, the best one is as soon as it reaches the threshold. Both delay: with
N frames a change shows about N / 2 frames later.
"""

from collections import deque

import numpy as np

from device.inference.prediction import Scores

# How far another label's averaged score must exceed the shown label's to replace it, and how far the shown one's must
# fall below the threshold to become unknown; at most half of the threshold.
MARGIN = 0.1


class Smoother:
    """frames: how many to average; 1: no averaging, the best label is shown.

    threshold: below this best score the label is unknown, with several frames only if clearly below; None: never
    unknown.
    """

    def __init__(self, frames: int = 1, threshold: float | None = None) -> None:
        self.threshold = threshold
        self._margin = MARGIN if frames > 1 else 0.0
        self._recent: deque[Scores] = deque(maxlen=frames)
        self._label: int | None = None  # the best, or the one that is shown
        self._is_known = False

    def smooth(self, scores: Scores) -> tuple[Scores, int | None]:
        """Adds a frame's scores; returns (the averaged scores, the index of the label to show; None: unknown)."""
        self._recent.append(scores)
        averaged = np.asarray(np.mean(self._recent, axis=0, dtype=np.float32))
        best = int(averaged.argmax())
        lead = self._margin if self._is_known else 0.0
        if self._label is None or averaged[best] - averaged[self._label] > lead:
            self._label, self._is_known = best, False
        self._is_known = averaged[self._label] >= self._least()
        return averaged, self._label if self._is_known else None

    def _least(self) -> float:
        """The least score of a known label: the threshold, and clearly less while it is known."""
        if self.threshold is None:
            return -np.inf
        return self.threshold - min(self._margin, self.threshold / 2) * self._is_known

    def forget(self) -> None:
        """Forgets earlier frames, after a gap or with another model."""
        self._recent.clear()
        self._label, self._is_known = None, False
