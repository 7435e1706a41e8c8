"""Fits the temperature that makes held-out images' labels most likely, and keeps it if it surely helps.

C. Guo et al., On Calibration of Modern Neural Networks, ICML 2017 (https://arxiv.org/abs/1706.04599).
"""

import math
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize_scalar

from device.evaluation import evaluate
from device.evaluation.confidence import TemperatureFit
from export.confidence.scored import Numbers, Scored

# Of fewer images, or of fewer wrong predictions, chance is what a temperature would follow: without a wrong one the
# likeliest makes every score 1.
LEAST_IMAGES, LEAST_WRONG = 100, 10
FOLDS = 5
LOWEST, HIGHEST = 0.05, 20.0


@dataclass(frozen=True)
class FittedTemperature:
    """folds: each image's place among the folds; by_folds: for each the temperature that the other folds gave."""

    record: TemperatureFit
    folds: npt.NDArray[np.int64]
    by_folds: Numbers | None = None

    @property
    def temperature(self) -> float | None:
        """The temperature for the card; None if it isn't kept."""
        return self.record.temperature if self.record.kept else None


def fit(held_out: Scored, seed: int) -> FittedTemperature:
    """Keeps it if the log loss on images that it wasn't fitted on is surely less than without (five folds, paired)."""
    folds = np.random.default_rng(seed).permutation(len(held_out)) % FOLDS
    wrong = int((~held_out.right).sum())
    record = TemperatureFit(len(held_out), held_out.split, wrong)
    if reason := _why_not(held_out, wrong):
        return FittedTemperature(replace(record, reason=reason), folds)
    by_folds = np.ones(len(held_out))
    for fold in range(FOLDS):
        by_folds[folds == fold] = best(held_out.of(folds != fold))
    gains = held_out.losses(1.0) - held_out.losses(by_folds)
    gain, interval = evaluate.mean(gains)
    measured = replace(record, temperature=best(held_out), gain=gain, gain_interval=interval)
    if interval[0] <= 0:
        return FittedTemperature(replace(measured, reason="it is not surely better than none"), folds)
    return FittedTemperature(replace(measured, kept=True), folds, by_folds)


def _why_not(held_out: Scored, wrong: int) -> str | None:
    if held_out.output.kind == "logits":
        return "the output is logits, which no temperature makes probabilities"
    if len(held_out) < LEAST_IMAGES:
        return f"{len(held_out)} labeled images are held out, {LEAST_IMAGES} are needed"
    if wrong < LEAST_WRONG:
        return f"{wrong} of {len(held_out)} held-out images are predicted wrongly, {LEAST_WRONG} are needed"
    return None


def best(scored: Scored) -> float:
    """The best temperature, to three places. The loss has one minimum, because it is convex in the inverse."""
    found = minimize_scalar(
        lambda log: float(scored.losses(math.exp(log)).mean()),
        bounds=(math.log(LOWEST), math.log(HIGHEST)),
        method="bounded",
        options={"xatol": 1e-4},
    )
    return round(math.exp(found.x), 3)
