"""`--backbone auto`: finds the best backbone for your images, by cross-validation on the training images alone.

Each candidate's features are computed once and kept; heads are fitted without a fifth of the images and predict that
fifth (train/networks/head.py). The log loss decides, because accuracy on few images is coarse. The fastest of the
candidates that are as good as the best wins: those whose mean loss is within `NOISE` standard errors of the paired
difference. Breiman's rule (Classification and Regression Trees, 1984, 3.4.3) uses one standard error; with ten images
per class half of the backbones are within it, and the fastest of them is 2 points less accurate (docs/results.md,
2026-11-26).
"""

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from device import command, files, text
from device.data import copies
from device.data.folders import Cache
from device.errors import UserError
from train.backbones import backbones, measured
from train.backbones.backbones import Backbone
from train.backbones.measured import MeasuredBackbone
from train.data.split import Rows
from train.data.streams import DRAW, Purpose, generator
from train.networks import head
from train.recipes.recipe import Recipe

HEADER = ("backbone", "log loss", "accuracy", "int8", "int8 file", "")
USUAL = (224, 224)
# More images don't improve the choice, and the time for features grows with them.
MOST_IMAGES = 2000
NOISE = 0.25


@dataclass(frozen=True)
class BackboneLimits:
    """Limits of the int8 file: milliseconds on one thread of the machine in train/backbones/backbones.json, and
    bytes."""

    latency_ms: float | None = None
    file_bytes: float | None = None


@dataclass(frozen=True)
class Candidate:
    """A backbone on these images; losses: each image's log loss, from a head that was fitted without it."""

    backbone: Backbone
    losses: npt.NDArray[np.float64]
    accuracy: float
    int8: MeasuredBackbone | None

    @property
    def latency_ms(self) -> float:
        return self.int8.p50_ms if self.int8 else np.inf

    def is_as_good_as(self, best: "Candidate") -> bool:
        """Whether the difference, image by image, is within the noise."""
        worse = self.losses - best.losses
        return bool(worse.mean() <= NOISE * worse.std(ddof=1) / np.sqrt(len(worse)))


def candidates(limits: BackboneLimits) -> list[Backbone]:
    """Backbones whose weights are present, that suit a Pi, within the limits. UserError if there are none."""
    known = measured.read()
    here = [row.backbone for row in backbones.rows() if row.weights_here and row.suits_a_pi]
    if not here:
        raise UserError("--backbone auto: no backbone's weights are present; see python -m train backbones")
    good = [backbone for backbone in here if _is_within(known.of(backbone.name), limits)]
    if not good:
        raise UserError(
            "--backbone auto: no backbone with weights is within --max-latency and --max-size: "
            + text.some([f"{backbone.name} {_said(known.of(backbone.name))}" for backbone in here], 8)
        )
    return good


def choose(recipe: Recipe, provide: Callable[[Recipe], Cache], limits: BackboneLimits) -> Recipe:
    """The recipe with the best backbone for its data; prints a table of the reasons. provide: the images of a recipe.

    The choice is kept beside the images, so repeating it doesn't need Keras.
    """
    there = [of(recipe, backbone) for backbone in candidates(limits)]
    if len(there) == 1:
        command.say(f"backbone {there[0].network.backbone}: the only one with weights and within the limits")
        return there[0]
    place = _place(provide(there[0]), there)
    kept = _kept(place)
    if kept is None:
        judged = [_judge(each, provide(each)) for each in there]
        chosen = best(judged)
        machine = measured.read().machine.cpu
        lines = [*table(judged, chosen), f"cross-validated on training images; int8: one thread of {machine}"]
        kept = chosen.backbone.name, lines
        files.write_json(place, {"schema": 1, "chosen": kept[0], "lines": lines})
    for line in kept[1]:
        command.say(line)
    return next(each for each in there if each.network.backbone == kept[0])


def best(judged: Sequence[Candidate]) -> Candidate:
    """The fastest candidate that is as good as the one with the lowest loss."""
    lowest = min(judged, key=lambda each: each.losses.mean())
    return min((each for each in judged if each.is_as_good_as(lowest)), key=lambda each: each.latency_ms)


def _place(cache: Cache, there: Sequence[Recipe]) -> Path:
    """The file that keeps a choice among these recipes, beside their images."""
    known = measured.read()
    rows = []
    for each in there:
        data, name = each.data, each.network.backbone
        rows.append((name, data.image_size, data.fit, data.seed, known.of(name)))
    key = repr((NOISE, head.C, DRAW)) + repr(rows)
    return cache.path / f"auto-{hashlib.sha256(key.encode()).hexdigest()[:12]}.json"


def _kept(place: Path) -> tuple[str, list[str]] | None:
    """The name of the chosen backbone, and the table of reasons; None if there is no readable file."""
    try:
        document = json.loads(place.read_bytes())
        return str(document["chosen"]), list(map(str, document["lines"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def of(recipe: Recipe, backbone: Backbone) -> Recipe:
    """The recipe with that backbone, at the size it was trained on unless the user set another."""
    data = recipe.data
    if backbone.lite and data.image_size == USUAL:
        data = replace(data, image_size=(backbone.lite.side, backbone.lite.side))
    return replace(recipe, data=data, network=replace(recipe.network, backbone=backbone.name))


def _judge(recipe: Recipe, cache: Cache) -> Candidate:
    from train.networks import networks, transfer  # imports Keras, after all checks

    rows = sample(cache.targets("train"), MOST_IMAGES, recipe.seed)
    features = transfer.features_of(networks.parts(recipe, len(cache.labels)), recipe, cache, rows)
    groups = copies.groups_of(cache.hashes("train"))[rows]
    return judge(backbones.get(recipe.network.backbone), features, cache.targets("train")[rows], groups, recipe.seed)


def judge(backbone: Backbone, features: head.Features, targets: Rows, groups: Rows, seed: int) -> Candidate:
    """Evaluates a backbone's features, n x channels; groups: images with the same number belong together."""
    every, labels = np.arange(len(targets)), int(targets.max()) + 1
    found = head.cross_validated(features, targets, groups, every, labels, seed)
    assert found is not None, "fewer than cross-validation takes"
    right = found.scores[np.arange(len(found.targets)), found.targets].astype(np.float64)
    accuracy = float((found.scores.argmax(axis=1) == found.targets).mean())
    losses = -np.log(np.maximum(right, 1e-7))
    return Candidate(backbone, losses, accuracy, measured.read().of(backbone.name))


def sample(targets: Rows, most: int, seed: int) -> Rows:
    """At most `most` rows, as evenly distributed over the labels as possible, sorted."""
    if len(targets) <= most:
        return np.arange(len(targets))
    random = generator(Purpose.BACKBONE, seed)
    order = random.permutation(len(targets))
    # The first image of every class, then the second …
    place = np.empty(len(targets), np.int64)
    for label in np.unique(targets):
        mine = order[targets[order] == label]
        place[mine] = np.arange(len(mine))
    return np.sort(order[np.argsort(place[order], kind="stable")][:most])


def table(judged: Sequence[Candidate], chosen: Candidate) -> list[str]:
    rows = [
        (
            each.backbone.name,
            f"{each.losses.mean():.3f}",
            text.percent(each.accuracy, 1),
            f"{each.int8.p50_ms:.1f} ms" if each.int8 else "-",
            text.size(each.int8.file_bytes) if each.int8 else "-",
            "chosen" if each is chosen else "",
        )
        for each in sorted(judged, key=lambda each: each.losses.mean())
    ]
    return text.table(HEADER, rows)


def _is_within(int8: MeasuredBackbone | None, limits: BackboneLimits) -> bool:
    """A backbone that wasn't measured is not within any limit."""
    if int8 is None:
        return limits == BackboneLimits()
    pairs = ((limits.latency_ms, int8.p50_ms), (limits.file_bytes, int8.file_bytes))
    return all(limit is None or value <= limit for limit, value in pairs)


def _said(int8: MeasuredBackbone | None) -> str:
    return f"{int8.p50_ms:.1f} ms, {text.size(int8.file_bytes)}" if int8 else "(not measured)"
