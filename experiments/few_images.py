"""How accurate `transfer` is with few images a class: backbones, numbers of images, sets. For any folder of images.

    python -m experiments.few_images DIR… [--counts 5 10 20] [--draws 5] [--backbones …]

DIR: class folders, with test/ or without (then a fifth of every class is the test). Of the training images so many a
class are drawn, five times by other seeds, and the head is fitted on their features as `train transfer` does it; all of
them once. Float accuracy on the whole test. Features are computed once and kept in the image cache: the first run takes
minutes, the next ones seconds. Writes results/few_images.json; docs/few-images.md has the table.
"""

import argparse
import os
from pathlib import Path
from typing import Any

import numpy as np

from experiments.record import write

COUNTS, DRAWS = (5, 10, 20), 5


def drawn(targets: Any, count: int, seed: int) -> Any:
    """`count` rows of every class, fewer where there aren't so many."""
    random = np.random.default_rng(seed)
    return np.concatenate(
        [random.permutation(np.flatnonzero(targets == label))[:count] for label in np.unique(targets)]
    )


def study(data: Path, backbone: str, counts: list[int], draws: int) -> list[dict[str, Any]]:
    """A row for each number of images a class, and one for all of them (None)."""
    from train import cache, head, networks, recipes, transfer
    from train import recipe as fields

    recipe = fields.change(recipes.get("transfer"), [f"data={data}", f"backbone={backbone}"])
    made = cache.provide(cache.DataRequest.of(recipe, skip_bad=False, allow_copies=False))
    found = transfer.features(networks.parts(recipe, len(made.labels)), recipe, made)
    targets, right = found.targets("train"), found.targets("test")
    test = np.array(found.pictures("test"))
    rows = []
    for count in (*counts, None):
        accuracies = []
        for seed in range(draws if count else 1):
            mine = drawn(targets, count or len(targets), seed)
            scores = head.fit(found.pictures("train")[mine], targets[mine], len(made.labels)).scores(test)
            accuracies.append(float((scores.argmax(axis=1) == right).mean()))
        most = int(np.bincount(targets).max())
        row = {"set": data.name, "backbone": backbone, "images": count, "most": most, "n": len(right)}
        rows.append({**row, "labels": len(made.labels), "top1": accuracies})
    return rows


def main() -> None:
    from train import backbones

    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("data", type=Path, nargs="+", metavar="DIR")
    options.add_argument("--counts", type=int, nargs="+", default=list(COUNTS))
    options.add_argument("--draws", type=int, default=DRAWS)
    options.add_argument("--backbones", nargs="+", default=None, help="default: those whose weights are here")
    given = options.parse_args()
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    names = given.backbones or [row["name"] for row in backbones.rows() if row["weights_here"]]
    rows = []
    for data in given.data:
        for name in names:
            rows += study(data.resolve(), name, given.counts, given.draws)
            print(
                rows[-1]["set"], name, [f"{100 * np.mean(row['top1']):.1f}" for row in rows[-1 - len(given.counts) :]]
            )
    write("few_images", rows, "python -m experiments.few_images DIR…", draws=given.draws)


if __name__ == "__main__":
    main()
