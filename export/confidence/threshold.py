"""Chooses the score below which a prediction is unknown: by the share of right predictions kept, or false accepts.

Each is a rank among n scores, so that the share holds for one more image of the same kind on average, however the
scores are distributed (as split conformal prediction has it: S. Bates et al., Testing for outliers with conformal
p-values, Annals of Statistics 51, 2023, https://arxiv.org/abs/2104.08279).
"""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from device.errors import UserError
from device.evaluation.confidence import Share
from device.evaluation.evaluate import wilson
from export.confidence.scored import Numbers

DEFAULT_FALSE_ACCEPTS = 0.05
# Places of a threshold, so that people can read it.
PLACES = 10**4


@dataclass(frozen=True)
class ThresholdWish:
    """keep_known: the share of right predictions that stay known. false_accepts: of images of unknown things, the share
    that may get a label. Both 0 to 1; one of them, or none: then there is no threshold.

    Raises:
        UserError: what is asked for makes no sense.
    """

    keep_known: float | None = None
    false_accepts: float | None = None

    def __post_init__(self) -> None:
        for name, example in (("keep_known", 0.95), ("false_accepts", DEFAULT_FALSE_ACCEPTS)):
            share = vars(self)[name]
            if share is not None and not 0 < share < 1:
                raise UserError(f"{name} is {share:g}, expected a share between 0 and 1, such as {example}")
        if self.keep_known is not None and self.false_accepts is not None:
            raise UserError("keep_known and false_accepts each set the threshold, expected one; leave the other out")

    @property
    def least(self) -> int:
        """The number of images needed to choose the threshold: with fewer, no rank gives the share."""
        left_out = self.false_accepts if self.keep_known is None else 1 - self.keep_known
        return 0 if left_out is None else math.ceil(1 / left_out - 1e-9) - 1


NO_WISH = ThresholdWish()


def wish(keep_known: float | None, false_accepts: float | None, has_unknown: bool) -> ThresholdWish:
    """has_unknown: there are images of unknown things; they choose the threshold unless keep_known does."""
    if false_accepts is not None and not has_unknown:
        raise UserError("false_accepts needs unknown (--unknown DIR), images of none of the classes; give both")
    if has_unknown and keep_known is None and false_accepts is None:
        false_accepts = DEFAULT_FALSE_ACCEPTS
    return ThresholdWish(keep_known, false_accepts)


def keeping(scores: Numbers, share: float) -> float:
    """The highest threshold that keeps a share of the scores. scores: the best scores of right predictions."""
    rank = max(1, math.floor((1 - share) * (len(scores) + 1) + 1e-9))
    return math.floor(float(np.sort(scores)[rank - 1]) * PLACES) / PLACES


def refusing(scores: Numbers, share: float) -> float:
    """The lowest threshold that lets no more than a share of such scores through. scores: the best ones of images of
    unknown things.
    """
    most = max(1, math.floor(share * (len(scores) + 1) + 1e-9)) - 1
    return (math.floor(float(np.sort(scores)[::-1][most]) * PLACES) + 1) / PLACES


def share_of(kept: npt.NDArray[np.bool_]) -> Share | None:
    """The share with its interval; None if there are no images."""
    count, n = int(kept.sum()), len(kept)
    return Share(count / n, n, wilson(count, n)) if n else None
