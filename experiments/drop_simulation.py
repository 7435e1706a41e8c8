"""How often the gate's rule for accuracy is right, for random right and wrong predictions.

    python -m experiments.drop_simulation        pure numpy, about three minutes on one slow core

Writes experiments/results/drop_simulation.json, from which docs/ci.md has its tables. What is drawn, DRAWS times a
cell, is which images are lost (right in the base alone) and won (right in the candidate alone). What is called is
what `drop.judge` calls once images are matched: `by_label.compare` and `drop.decide`. In question:

- tells: with as many images as docs/ci.md asks for, what becomes of a candidate that in truth loses nothing, just the
  limit, or twice the limit?
- advice: how many images does a gate with a quarter of them ask for?
- equal: how often does a candidate that in truth loses nothing of any label, or of each just the limit, fail because of
  a label?
- vanished: how often is a label caught that the candidate is never right about any more?

A candidate that loses L points, where equal candidates differ in D of a hundred predictions, loses D/2 + L and wins D/2
in a hundred.
"""

from collections import Counter
from collections.abc import Iterator
from functools import cache
from itertools import product
from typing import Any

import numpy as np
import numpy.typing as npt
from tqdm import tqdm

from benchmarks.gate import drop
from benchmarks.gate.drop import Drop
from benchmarks.gate.verdict import Answer
from device.evaluation import by_label, needed
from device.evaluation.paired import Paired
from experiments import record
from experiments.ci_tables import DIFFERING, LIMITS

DRAWS, SEED = 2000, 1
# Labels, and images of each.
SETS = ((10, 20), (10, 100), (10, 1000), (100, 20), (100, 100))
RARE = (5, 10, 20)
RECALLS = (1.0, 0.9)

Row = dict[str, Any]


@cache
def answer(n: int, lost: int, won: int, most: float) -> Answer:
    """What the gate says where all other images are known to both."""
    places = np.arange(n)
    return drop.decide(places >= won, places < n - lost, most, None).answer


def tells(differing: float, most: float, dice: np.random.Generator) -> Iterator[Row]:
    """Answers for candidates that lose nothing, the limit, and twice the limit: a row each, how often each answer came.

    differing: the share of images that one of both alone is right about; most: the limit, 0.01 for one point.
    """
    n = needed.images(differing, most)
    for loss in (0.0, most, 2 * most):
        shares = (differing / 2 + loss, differing / 2, 1 - differing - loss)
        found = Counter(answer(n, int(lost), int(won), most) for lost, won, _ in dice.multinomial(n, shares, DRAWS))
        yield {"what": "tells", **_cell(differing, most), "images": n, "loss": loss, "answers": dict(found)}


def advice(differing: float, most: float, dice: np.random.Generator) -> Iterator[Row]:
    """For equal candidates that stay inconclusive with a quarter of the images: the range of the number of images that
    they ask for, and whether it is enough.
    """
    enough = needed.images(differing, most)
    n = enough // 4
    spans = []
    for lost, won, _ in dice.multinomial(n, (differing / 2, differing / 2, 1 - differing), DRAWS):
        if answer(n, int(lost), int(won), most) == "can't tell":
            spans.append(_span(n, int(lost + won), most))
    ends = np.array(spans)
    held = int(((ends[:, 0] <= enough) & (enough <= ends[:, 1])).sum())
    yield {
        "what": "advice",
        **_cell(differing, most),
        "images": n,
        "would_do": enough,
        "asked": len(spans),
        "held": held,
        "median": np.median(ends, axis=0).tolist(),
        "of_90_in_100": [float(np.percentile(ends[:, 0], 5)), float(np.percentile(ends[:, 1], 95))],
    }


@cache
def _span(n: int, differ: int, most: float) -> tuple[int, int]:
    return needed.span(Paired(n, differ, 0), most)


def equal(labels: int, each: int, differing: float, most: float, loss: float, dice: np.random.Generator) -> Row:
    """How often a candidate that loses `loss` of every label is called a regression, and on which ground. labels: their
    number; each: images of each; differing, most: as in `tells`.
    """
    targets = np.repeat(np.arange(labels), each)
    counts: Counter[str] = Counter()
    for _ in range(DRAWS):
        drawn = dice.random(len(targets))
        lost = drawn < differing / 2 + loss
        won = drawn >= 1 - differing / 2
        counts.update(_grounds(_judge(~won, ~lost, targets, labels, most), most))
    known = {"labels": labels, "of_each": each, **_cell(differing, most), "loss": loss}
    return {"what": "equal", **known, **_counted(counts)}


def vanished(labels: int, rare: int, recall: float, dice: np.random.Generator) -> Row:
    """A label of `rare` images beside others of a hundred, of which 2 in 100 are answered otherwise by chance."""
    differing, most = 0.02, 0.02
    targets = np.repeat(np.arange(labels), [rare, *[100] * (labels - 1)])
    mine = targets == 0
    counts: Counter[str] = Counter()
    for _ in range(DRAWS):
        drawn = dice.random(len(targets))
        base = np.where(mine, drawn < recall, drawn < 1 - differing / 2)
        candidate = ~mine & (drawn >= differing / 2)
        counts.update(_grounds(_judge(base, candidate, targets, labels, most), most))
    known = {"labels": labels, "rare": rare, "recall": recall, **_cell(differing, most)}
    return {"what": "vanished", **known, **_counted(counts)}


def _judge(
    base: npt.NDArray[np.bool_],
    candidate: npt.NDArray[np.bool_],
    targets: npt.NDArray[np.int64],
    labels: int,
    most: float,
) -> Drop:
    names = [str(i) for i in range(labels)]
    return drop.decide(base, candidate, most, by_label.compare(base, candidate, targets, names))


def _grounds(found: Drop, most: float) -> Iterator[str]:
    """The answer, and what else is said of this candidate."""
    assert found.by_label is not None
    yield found.answer
    if by_label.losses(found.by_label, most):
        yield "by_label"
    if found.points.low > most:
        yield "over_all"
    if found.by_label.beyond_chance or found.by_label.vanished:
        yield "said"


def _counted(counts: Counter[str]) -> Row:
    """by_label: regressions because of a label; over_all: because of all together; said: a label is named."""
    names = ("regression", "no regression", "can't tell", "by_label", "over_all", "said")
    return {name: counts[name] for name in names}


def _cell(differing: float, most: float) -> Row:
    return {"differing": differing, "limit": most}


def rows() -> Iterator[Row]:
    """All cells of the document, in order."""
    dice = np.random.default_rng(SEED)
    for share, points in product(DIFFERING, LIMITS):
        yield from tells(share / 100, points / 100, dice)
    for share, points in product(DIFFERING, LIMITS):
        yield from advice(share / 100, points / 100, dice)
    for (labels, each), differing, most in product(SETS, (0.02, 0.2), (0.005, 0.02)):
        yield equal(labels, each, differing, most, 0.0, dice)
    for labels, each in SETS:
        yield equal(labels, each, 0.05, 0.02, 0.02, dice)
    for labels, rare, recall in product((10, 100), RARE, RECALLS):
        yield vanished(labels, rare, recall, dice)


def main() -> None:
    found = list(tqdm(rows(), desc="cells", disable=None))
    record.write("drop_simulation", found, "python -m experiments.drop_simulation", draws=DRAWS, seed=SEED)


if __name__ == "__main__":
    main()
