"""From the scores of many frames to one label that doesn't flicker.

An average over the last frames, and hysteresis: the label that is shown stays until another one has won clearly. Both
cost time: over N frames a change shows about N / 2 frames later.
"""

from collections import deque

import numpy as np

from device.classifier import Scores

# How much further than the shown label another's averaged score must be before it takes its place.
MARGIN = 0.1


class Smoother:
    """frames: how many are averaged; 1: each answer stands for itself, the best label is shown.

    threshold: a best score below it shows no label ("unknown"); None: there is always one.
    """

    def __init__(self, frames: int = 1, threshold: float | None = None) -> None:
        self.threshold = threshold
        self._margin = MARGIN if frames > 1 else 0.0
        self._recent: deque[Scores] = deque(maxlen=frames)
        self._shown: int | None = None

    def smooth(self, scores: Scores) -> tuple[Scores, int | None]:
        """(the averaged scores, the index of the label to show; None: unknown) after one more frame's scores."""
        self._recent.append(scores)
        averaged = np.asarray(np.mean(self._recent, axis=0, dtype=np.float32))
        best = int(averaged.argmax())
        if self._shown is None or averaged[best] - averaged[self._shown] > self._margin:
            self._shown = best
        if self.threshold is not None and averaged[self._shown] < self.threshold:
            self._shown = None
        return averaged, self._shown

    def forget(self) -> None:
        """After a gap, or with another model: what was before says nothing of what is now."""
        self._recent.clear()
        self._shown = None
