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
    scores: Scores, kind: Literal["softmax", "sigmoid", "logits"], temperature: float, step: float = 0.0
) -> Scores:
    """The scores of an output of this kind after its logits are divided by the temperature.

    Probabilities stay probabilities (a softmax still sums to 1), logits stay logits. step: the step of a quantized
    output's scores. Scores that it rounds to 0 are not impossible: they share what the others leave.
    """
    if kind == "logits":
        divided: Scores = scores / np.float32(temperature)
        return divided
    with np.errstate(divide="ignore", over="ignore"):  # a probability of 0 has a logit of minus infinity
        probabilities = np.clip(scores, 0, 1).astype(np.float64)
        if kind == "sigmoid":
            logits = np.log(probabilities) - np.log1p(-probabilities)
            each: Scores = (1 / (1 + np.exp(-logits / temperature))).astype(np.float32)
            return each
        if step and (hidden := int((probabilities == 0).sum())):
            probabilities[probabilities == 0] = min(step / 2, max(0.0, 1 - probabilities.sum()) / hidden)
        logits = np.log(probabilities) / temperature
        highest = logits.max()
        if not np.isfinite(highest):  # all zero, or not finite: a broken network
            return scores
        odds = np.exp(logits - highest)
    shares: Scores = (odds / odds.sum()).astype(np.float32)
    return shares
