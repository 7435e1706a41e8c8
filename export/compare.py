"""Is a variant still the network it was made from? Scores on the same pictures, against Keras or the float file."""

import math
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from device.evaluate import Z95, accuracy, wilson

Scores = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Limits:
    """What a sound conversion stays within; beyond it the file is not kept.

    agreement: least share of pictures with the reference's answer. error: largest difference of a score. drop: most
    accuracy lost. Shares are judged by their 95 % intervals, so that few pictures don't fail a good file.
    """

    agreement: float
    error: float
    drop: float


# Float kernels differ by rounding alone; half-precision weights by 5e-4 of their size. For int8 these are the marks
# of a broken file (a wrong range, a wrong scale), not a judgement on a loss of half a point: that one is reported.
LIMITS = {
    "float32": Limits(agreement=0.999, error=1e-3, drop=0.001),
    "float16": Limits(agreement=0.99, error=0.05, drop=0.005),
    "dynamic": Limits(agreement=0.90, error=1.0, drop=0.02),
    "int8": Limits(agreement=0.90, error=1.0, drop=0.02),
}


@dataclass(frozen=True)
class Comparison:
    """A variant beside its reference on n pictures; top1 and drop are null where the pictures have no labels."""

    n: int
    split: str
    top1: float | None
    interval: tuple[float, float] | None
    agreement: float
    largest_error: float
    mean_error: float
    drop: float | None
    drop_interval: tuple[float, float] | None

    def to_json(self) -> dict[str, Any]:
        """Null for an error that is no finite number: JSON has none of those."""
        finite = {name: math.isfinite(getattr(self, name)) for name in ("largest_error", "mean_error")}
        return {name: value if finite.get(name, True) else None for name, value in asdict(self).items()}


def compare(scores: Scores, reference: Scores, targets: npt.NDArray[np.int64] | None, split: str) -> Comparison:
    """scores and reference: n x labels on the same pictures; targets: their labels, where they have any."""
    error = np.abs(scores.astype(np.float64) - reference)
    same = scores.argmax(axis=1) == reference.argmax(axis=1)
    top1 = interval = drop = drop_interval = None
    if targets is not None:
        measured = accuracy(scores, targets)
        top1, interval = measured["top1"], tuple(measured["interval"])
        drop, drop_interval = paired_drop(scores, reference, targets)
    return Comparison(
        n=len(scores),
        split=split,
        top1=top1,
        interval=interval,
        agreement=float(same.mean()),
        largest_error=float(error.max()),
        mean_error=float(error.mean()),
        drop=drop,
        drop_interval=drop_interval,
    )


def paired_drop(scores: Scores, reference: Scores, targets: npt.NDArray[np.int64]) -> tuple[float, tuple[float, float]]:
    """(accuracy lost against the reference, its 95 % interval), from the pictures that only one of them gets right.

    The Wald interval of a difference of paired shares (A. Agresti, Categorical Data Analysis, 11.1).
    """
    ours, theirs = scores.argmax(axis=1) == targets, reference.argmax(axis=1) == targets
    lost, won, n = int((theirs & ~ours).sum()), int((ours & ~theirs).sum()), len(targets)
    drop = (lost - won) / n
    half = Z95 * math.sqrt(max(lost + won - (lost - won) ** 2 / n, 0.0)) / n
    return drop, (drop - half, drop + half)


def failures(variant: str, comparison: Comparison) -> list[str]:
    """Why a variant must not be kept; [] where it is sound."""
    limits, n = LIMITS[variant], comparison.n
    reasons = []
    if not math.isfinite(comparison.largest_error):
        reasons.append("its scores are not finite numbers")
    elif comparison.largest_error > limits.error:
        reasons.append(f"a score differs by {comparison.largest_error:.4f}, at most {limits.error:g} is sound")
    if wilson(round(comparison.agreement * n), n)[1] < limits.agreement:
        reasons.append(
            f"it agrees on {100 * comparison.agreement:.2f} % of {n} pictures, {100 * limits.agreement:g} % are needed"
        )
    if comparison.drop_interval is not None and comparison.drop_interval[0] > limits.drop:
        assert comparison.drop is not None
        reasons.append(
            f"it loses {100 * comparison.drop:.2f} points of accuracy, at most {100 * limits.drop:g} are sound"
        )
    return reasons
