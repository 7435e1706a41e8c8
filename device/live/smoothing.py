"""From the scores of many frames to one label that doesn't flicker.

An average over the last frames, and hysteresis: the label that is shown stays until another one has won clearly, or
its own score is clearly below the threshold; it comes back as soon as it reaches that. Both cost time: over N frames a
change shows about N / 2 frames later.
"""

from collections import deque

import numpy as np

from device.inference.prediction import Scores

# How much further than the shown label another's averaged score must be before it takes its place, and how much below
# the threshold its own before it is unknown: half of a lower threshold.
MARGIN = 0.1


class Smoother:
    """frames: how many are averaged; 1: each answer stands for itself, the best label is shown.

    threshold: a best score below it shows no label ("unknown"), with more than one frame once it is clearly below;
    None: there is always one.
    """

    def __init__(self, frames: int = 1, threshold: float | None = None) -> None:
        self.threshold = threshold
        self._margin = MARGIN if frames > 1 else 0.0
        self._recent: deque[Scores] = deque(maxlen=frames)
        self._label: int | None = None  # that wins; remembered while it is unknown
        self._is_known = False

    def smooth(self, scores: Scores) -> tuple[Scores, int | None]:
        """(the averaged scores, the index of the label to show; None: unknown) after one more frame's scores."""
        self._recent.append(scores)
        averaged = np.asarray(np.mean(self._recent, axis=0, dtype=np.float32))
        best = int(averaged.argmax())
        if self._label is None or averaged[best] - averaged[self._label] > self._margin:
            self._label, self._is_known = best, False
        self._is_known = averaged[self._label] >= self._least()
        return averaged, self._label if self._is_known else None

    def _least(self) -> float:
        """The score from which on the label is known: the threshold, and clearly less while it is."""
        if self.threshold is None:
            return -np.inf
        return self.threshold - min(self._margin, self.threshold / 2) * self._is_known

    def forget(self) -> None:
        """After a gap, or with another model: what was before says nothing of what is now."""
        self._recent.clear()
        self._label, self._is_known = None, False
