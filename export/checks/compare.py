"""Is a variant still the network it was made from? Scores on the same images, against Keras or the float file."""

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from device import text
from device.evaluation import by_label
from device.evaluation.evaluate import accuracy, balanced, per_class
from device.evaluation.exports import ReferenceComparison
from device.evaluation.paired import Paired
from device.model import variants

Scores = npt.NDArray[np.float32]


# Of a uint8 score: smaller ones can't be told apart.
STEP = 1 / 256
NO_NOISE = 120.0  # dB
# Images and share of what chance leaves wrong from which on a network is said to know something.
FEW, BETTER = 50, 0.1


def compare(
    scores: Scores,
    reference: Scores,
    targets: npt.NDArray[np.int64] | None,
    split: str,
    kind: str = "softmax",
    unseen: tuple[Scores, Scores] | None = None,
    labels: Sequence[str] | None = None,
) -> ReferenceComparison:
    """scores and reference: n x labels on the same images; targets: their labels, where they have any.

    labels: their names (default: their places). kind: what the scores are (softmax, sigmoid or logits), as the card has
    it. unseen: the variant's and the float file's where the network has seen the images, by heads that have not;
    accuracy and drop are theirs.
    """
    error = np.abs(scores.astype(np.float64) - reference)
    found = ReferenceComparison(
        n=len(scores),
        split=split,
        agreement=float((scores.argmax(axis=1) == reference.argmax(axis=1)).mean()),
        largest_error=_finite(float(error.max())),
        mean_error=_finite(float(error.mean())),
        signal=_finite(signal_to_noise(scores, reference, kind)),
    )
    if targets is None:
        return found
    judged = unseen or (scores, reference)
    measured = accuracy(judged[0], targets)
    before, after = (each.argmax(axis=1) == targets for each in (judged[1], judged[0]))
    pairs = Paired.of(before, after)
    names = tuple(labels or map(str, range(scores.shape[1])))
    classes = per_class(judged[0], targets, names)
    return replace(
        found,
        top1=measured.top1,
        interval=measured.interval,
        drop=pairs.drop,
        drop_interval=pairs.interval,
        balanced=balanced(classes),
        worst_label=by_label.worst(classes),
        per_class=classes,
        by_label=by_label.compare(before, after, targets, names),
    )


def _finite(value: float) -> float | None:
    """JSON has no other numbers."""
    return value if math.isfinite(value) else None


def signal_to_noise(scores: Scores, reference: Scores, kind: str) -> float:
    """How far the reference's logits stand above what is added to them, in dB, over all images and labels.

    A ratio, so it says the same of sure and of unsure networks. Logits of an image count from their mean, which a
    softmax takes out. Scores below a uint8's step count as that step, and a difference of less than a step as none: no
    file with uint8 scores can have more. nan where scores are not finite.
    """
    if not np.isfinite(scores).all():
        return math.nan
    ours, theirs = _logits(scores, kind), _logits(reference, kind)
    noise = np.abs(ours - theirs)
    if kind != "logits":
        noise = np.maximum(noise - STEP / np.clip(np.minimum(scores, reference), STEP, 1.0), 0.0)
    return decibels(float((theirs**2).mean()), float((noise**2).mean()))


def decibels(power: float, noise: float) -> float:
    """Signal to noise, at most NO_NOISE either way."""
    if noise <= power * 10 ** (-NO_NOISE / 10):
        return NO_NOISE
    return 10 * math.log10(max(power / noise, 10 ** (-NO_NOISE / 10)))


def _logits(scores: Scores, kind: str) -> npt.NDArray[np.float64]:
    numbers = scores.astype(np.float64)
    if kind == "softmax":
        numbers = np.log(np.clip(numbers, STEP, 1.0))
    if kind == "sigmoid":  # each label by itself
        numbers = np.clip(numbers, STEP, 1 - STEP)
        return np.asarray(np.log(numbers / (1 - numbers)))
    return np.asarray(numbers - numbers.mean(axis=1, keepdims=True))


def failures(variant: str, comparison: ReferenceComparison, span: float = 1.0) -> list[str]:
    """Why a variant must not be kept; [] where it is sound. span: of the reference's scores, 1 of probabilities."""
    limits = variants.BY_NAME[variant]
    reasons = []
    if comparison.largest_error is None:
        reasons.append("its scores are not finite numbers")
    elif comparison.largest_error > limits.error * span:
        most = limits.error * span
        reasons.append(f"a score differs by {comparison.largest_error:.4f}, at most {most:g} is sound")
    if comparison.signal is not None and comparison.signal < limits.signal:
        reasons.append(
            f"its logits have {comparison.signal:.1f} dB of signal to noise, {limits.signal:g} dB or more are sound"
        )
    if comparison.drop_interval is not None and comparison.drop_interval[0] > limits.drop:
        assert comparison.drop is not None
        reasons.append(
            f"it loses {100 * comparison.drop:.2f} points of accuracy, at most {100 * limits.drop:g} are sound"
        )
    return reasons


def hints(comparison: ReferenceComparison) -> list[str]:
    """What a network that is hardly better than one label for all images may have been given wrongly; [] for others."""
    classes, n = comparison.per_class, comparison.n
    if comparison.top1 is None or not classes or n < FEW:
        return []
    chance = max(row.n for row in classes) / sum(row.n for row in classes)
    if comparison.top1 >= chance + BETTER * (1 - chance):
        return []
    return [
        f"float32 is right for {text.percent(comparison.top1)} of the images, and one label for all of them would be"
        f" for {text.percent(chance)}: check how pixels are scaled (--scaling auto) and the order of the labels"
    ]


def losses(variant: str, comparison: ReferenceComparison) -> list[str]:
    """What a sound file loses, over all labels and of each, in words; [] where it may be chance."""
    found = []
    if comparison.drop_interval is not None and comparison.drop_interval[0] > 0:
        lost = text.points(comparison.drop, comparison.drop_interval, 1, " points of accuracy")
        found.append(f"{variant} loses {lost}")
    if comparison.by_label is not None:
        found += [f"{variant}, {remark}" for remark in by_label.remarks(comparison.by_label)]
    return found
