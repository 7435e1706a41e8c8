"""How accurate `transfer` is with few images a class: backbones, numbers of images, sets. For any folder of images.

    python -m experiments.few_images DIR… [--counts 5 10 20] [--draws 5] [--backbones …]

DIR: class folders, with test/ or without (then a fifth of every class is the test). Of the training images so many a
class are drawn, five times by other seeds, and the head is fitted on their features as `train transfer` does it; all of
them once. Accuracy on the whole test, and by cross-validation on the drawn images alone. int8: what the int8 file of
that backbone makes of the test images, calibrated on the set's training images, goes into the same heads. 'auto' is
what `--backbone auto` chooses from the drawn images. Features are computed once and kept in the image cache: the first
run takes half an hour a set of two thousand images, the next ones a minute. Writes results/few_images.json;
docs/few-images.md has the table.
"""

import argparse
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from device import command
from device.data import copies
from experiments.record import write

COUNTS, DRAWS = (5, 10, 20), 5


@dataclass
class Seen:
    """A set by one backbone: features of its training and test images, and those that its int8 file gives."""

    backbone: str
    train: Any
    test: Any
    int8: Any
    targets: Any
    right: Any
    groups: Any
    labels: int


def drawn(targets: Any, count: int, seed: int) -> Any:
    """`count` rows of every class, fewer where there aren't so many."""
    random = np.random.default_rng(seed)
    return np.concatenate(
        [random.permutation(np.flatnonzero(targets == label))[:count] for label in np.unique(targets)]
    )


def seen(data: Path, backbone: str) -> Seen:
    """The features of a data set by one backbone, float and of its int8 file; these are kept beside the image cache."""
    from train.data import cache
    from train.networks import networks, transfer
    from train.recipes import catalog, settings

    recipe = settings.changed(catalog.get("transfer"), data=data, backbone=backbone, test_split=0.2)
    made = cache.provide(cache.DataRequest.of(recipe, skip_bad=False, allow_copies=False))
    parts = networks.parts(recipe, len(made.labels))
    found = transfer.features(parts, recipe, made)
    train, test = (np.array(found.images(split)) for split in ("train", "test"))
    kept = made.path / f"few-images-{backbone}-int8.npy"
    if not kept.is_file():
        np.save(kept, int8_features(parts, made, train))
    groups = copies.groups_of(made.hashes("train"))
    return Seen(
        backbone, train, test, np.load(kept), made.targets("train"), made.targets("test"), groups, len(made.labels)
    )


def int8_features(parts: Any, made: Any, features: Any) -> Any:
    """Of the test images, by the file that export would make of the head for all training images."""
    from device.data.folders import Labeled
    from device.model.card import Card, Confidence, InputSpec, OutputSpec
    from export.card import cards
    from export.conversion import convert, pixels, quantize
    from export.source import unseen
    from export.source.calibration import DEFAULT_SAMPLES, balanced_rows
    from train.networks import head

    targets = made.targets("train")
    fitted = head.fit(features, targets, len(made.labels))
    parts.head.get_layer("scores").set_weights([fitted.kernel, fitted.bias])
    rows = np.sort(balanced_rows(targets, np.arange(len(targets)), DEFAULT_SAMPLES, 1))
    height, width = made.size
    given = InputSpec(height, width, fit=made.fit)
    with tempfile.TemporaryDirectory(prefix="framelite-few-") as folder:
        keras = Path(folder) / "model.keras"
        parts.whole.save(keras)
        float32, _ = convert.convert(keras, made.images("train")[:1])
        images = pixels.tensors(made.images("train")[rows], pixels.fed(given))
        made_int8 = quantize.make("int8", float32, images, *pixels.ends(pixels.fed(given)), {})
        card = Card("few", None, "int8", made.labels, pixels.fed(given), OutputSpec(), Confidence(), None, (), None, {})
        path = Path(folder) / "few_int8.tflite"
        path.write_bytes(cards.assembled(made_int8, card, {}))
        labeled = Labeled(made.labels, made.images("test"), made.targets("test"), "test", 0)
        return unseen.features(path, labeled)


def study(name: str, sets: list[Seen], counts: list[int], draws: int) -> list[dict[str, Any]]:
    """A row for each backbone, and for auto, and number of images a class; None: all of them."""
    from train.backbones import backbones
    from train.networks import auto, head

    targets, right = sets[0].targets, sets[0].right
    rows = []
    for count in (*counts, None):
        results: dict[str, list[dict[str, Any]]] = {}
        for seed in range(draws if count else 1):
            mine = drawn(targets, count or len(targets), seed)
            judged = []
            for each in sets:
                fitted = head.fit(each.train[mine], targets[mine], each.labels)
                backbone = backbones.get(each.backbone)
                groups = copies.groups_of(list(map(str, each.groups[mine])))
                judged.append(auto.judge(backbone, each.train[mine], targets[mine], groups, seed=1))
                result = {
                    "top1": _share(fitted.scores(each.test), right),
                    "int8": _share(fitted.scores(each.int8), right),
                    "cross_validated": judged[-1].accuracy,
                }
                results.setdefault(each.backbone, []).append(result)
            chosen = auto.best(judged).backbone.name
            results.setdefault(backbones.AUTO, []).append({**results[chosen][-1], "chosen": chosen})
        most = int(np.bincount(targets).max())
        known = {"set": name, "images": count, "most": most, "n": len(right), "labels": sets[0].labels}
        for called, found in results.items():
            rows.append({**known, "backbone": called, **{key: [one[key] for one in found] for key in found[0]}})
    return rows


def _share(scores: Any, right: Any) -> float:
    return float((scores.argmax(axis=1) == right).mean())


def main() -> int:
    from train.backbones import measured

    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("data", type=Path, nargs="+", metavar="DIR")
    options.add_argument("--counts", type=int, nargs="+", default=list(COUNTS))
    options.add_argument("--draws", type=int, default=DRAWS)
    options.add_argument("--backbones", nargs="+", default=None, help="default: those that auto would compare")
    given = options.parse_args()
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    from train.environment import keras_settings
    from train.networks import auto

    keras_settings.apply()
    names = given.backbones or [backbone.name for backbone in auto.candidates(auto.BackboneLimits())]
    rows = []
    for data in given.data:
        sets = []
        for backbone in names:
            sets.append(seen(data.resolve(), backbone))
            print(data.name, backbone, flush=True)
        rows += study(data.name, sets, given.counts, given.draws)
        for row in rows[-(len(names) + 1) * (len(given.counts) + 1) :]:
            figures = (f"{100 * np.mean(row[key]):.1f}" for key in ("top1", "int8", "cross_validated"))
            print(row["set"], row["images"], row["backbone"], *figures, flush=True)
    int8 = {row.backbone: vars(row) for row in measured.read().results if row.backbone in names}
    write("few_images", rows, "python -m experiments.few_images DIR…", draws=given.draws, latencies=int8)
    return command.GOOD


if __name__ == "__main__":
    command.run(main)
