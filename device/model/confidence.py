"""Applies a card's temperature to scores. A null temperature changes nothing.

Temperature scaling divides the logits by one number, fitted on held-out images, so that scores match how often the
network is right (C. Guo et al., ICML 2017, https://arxiv.org/abs/1706.04599). It never changes which label is best.
"""

from typing import Literal

import numpy as np
import numpy.typing as npt

Scores = npt.NDArray[np.float32]

# Shown instead of a label if the best score is below the card's threshold.
UNKNOWN = "unknown"


def tempered(
    scores: Scores,
    kind: Literal["softmax", "sigmoid", "logits"],
    temperature: "float | npt.NDArray[np.float64]",
    step: float = 0.0,
) -> Scores:
    """The scores of an output of this kind after its logits are divided by the temperature.

    scores: [labels] or [n, labels]; temperature: one, or [n, 1]. Probabilities stay probabilities (of softmax their sum
    is 1), logits stay logits. step: by which a quantized output's scores differ; see `_unrounded`.
    """
    if kind == "logits":
        divided: Scores = (scores / temperature).astype(np.float32)
        return divided
    # A probability of 0 has a logit of minus infinity; where there is no other, or no number, it stays as it is.
    with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
        probabilities = np.clip(scores, 0, 1).astype(np.float64)
        if kind == "sigmoid":
            if step:  # in the middle of what is rounded to 0 or to 1
                probabilities = np.clip(probabilities, step / 4, 1 - step / 4)
            logits = np.log(probabilities) - np.log1p(-probabilities)
            each: Scores = (1 / (1 + np.exp(-logits / temperature))).astype(np.float32)
            return each
        if step:
            probabilities = _unrounded(probabilities, step)
        logits = np.log(probabilities) / temperature
        highest = logits.max(axis=-1, keepdims=True)
        odds = np.exp(logits - highest)
        shares: Scores = (odds / odds.sum(axis=-1, keepdims=True)).astype(np.float32)
    return np.where(np.isfinite(highest), shares, scores)


def _unrounded(probabilities: npt.NDArray[np.float64], step: float) -> npt.NDArray[np.float64]:
    """What a quantized output rounds to 0 isn't impossible: those labels share what the others leave.

    Together they have half a step at least, since the others are rounded too, and each half a step at most.
    """
    hidden = probabilities == 0
    left = np.maximum(step / 2, 1 - probabilities.sum(axis=-1, keepdims=True))
    share = np.minimum(step / 2, left / np.maximum(1, hidden.sum(axis=-1, keepdims=True)))
    return np.where(hidden, share, probabilities)
