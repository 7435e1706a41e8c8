"""A variant's predictions beside the float32 file's, on the same images."""

import numpy as np
import numpy.typing as npt
from scipy.special import softmax

from device.data.folders import Labeled
from device.evaluation import by_label
from device.evaluation.cost import Flip, LabelScore, QuantizationCost
from device.evaluation.paired import Paired

# Of a broken file nearly every image flips; nobody looks at more.
MOST_FLIPS = 1000
ORDER = ("lost", "won", "other")

Scores = npt.NDArray[np.float32]


def cost(
    float32: Scores, variant: Scores, images: Labeled, has_labels: bool, are_logits: bool
) -> QuantizationCost | None:
    """float32 and variant: n x labels on these images; None where they are no finite numbers.

    are_logits: the scores are shown as their softmax.
    """
    if not (np.isfinite(float32).all() and np.isfinite(variant).all()):
        return None
    before, after = float32.argmax(axis=1), variant.argmax(axis=1)
    changed = np.flatnonzero(before != after)
    shown = (softmax(float32, axis=1), softmax(variant, axis=1)) if are_logits else (float32, variant)
    flips = [_flip(int(i), images, has_labels, *(scores[i] for scores in shown)) for i in changed]
    flips.sort(key=lambda flip: (ORDER.index(flip.kind), -flip.float32.score))
    listed = tuple(flips[:MOST_FLIPS])
    if not has_labels:
        return QuantizationCost(len(images), len(changed), flips=listed)
    right, still = before == images.targets, after == images.targets
    pairs = Paired.of(right, still)
    rows = by_label.paired(right, still, images.targets, images.labels)
    return QuantizationCost(
        n=len(images),
        changed=len(changed),
        lost=pairs.lost,
        won=pairs.won,
        drop=pairs.drop,
        drop_interval=pairs.interval,
        p=pairs.p,
        labels=tuple(sorted((row for row in rows if row.lost or row.won), key=lambda row: row.won - row.lost)),
        flips=listed,
    )


def _flip(i: int, images: Labeled, has_labels: bool, float32: Scores, variant: Scores) -> Flip:
    label = images.labels[images.targets[i]] if has_labels else None
    return Flip(i, label, _best(float32, images), _best(variant, images), images.file(i))


def _best(scores: Scores, images: Labeled) -> LabelScore:
    return LabelScore(images.labels[scores.argmax()], round(float(scores.max()), 4))
