"""`--scaling auto`: finds the usual pixel scaling that a float network was trained with, from labeled images.

Fed wrongly, a network is right less often. So every scaling that has a name is tried on the same images, and the one
that gets most of them right is taken, if chance doesn't explain its lead over each other one: the paired 95 % interval
of the gain lies above zero. The images are calibration images: nothing is chosen by those that the accuracy is reported
on.
"""

import json
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from device import text
from device.data.folders import Labeled
from device.errors import CannotTellError, UserError
from device.evaluation.evaluate import wilson
from device.evaluation.paired import Paired
from device.evaluation.scaling_choice import ScalingChoice, ScalingTrial
from device.host import system
from device.inference import ordered
from device.inference.classifier import Classifier
from device.inference.overrides import Overrides
from device.inference.preprocess import Preprocessor
from device.model.card import InputSpec
from device.model.channels import SCALINGS, PixelScaling
from export.source.calibration import balanced_rows

# The most images to try, each once with every scaling; fewer than LEAST don't decide.
MOST, LEAST = 500, 20
Right = npt.NDArray[np.bool_]


def choose(float32: bytes, images: Labeled, fit: str | None = None, output: str | None = None) -> ScalingChoice:
    """The scaling that the images support.

    Args:
        float32: the bare network, its input's size fixed.
        images: with a label of the network's for each; of many, some are drawn.
        fit, output: as in `Overrides`.

    Raises:
        UserError: there are too few images. CannotTellError: chance may explain which one is best.
    """
    if len(images) < LEAST:
        raise UserError(
            f"{len(images)} images lie in folders called after the model's labels, and --scaling auto needs {LEAST} at"
            " least; give --calibration DIR with class folders (DIR/LABEL/…), or the scaling's name"
        )
    right = trials(float32, _some(images), Overrides(fit=fit, output=output, scaling="0..255"))
    choice = judged(right, images.split)
    if not choice.is_certain:
        raise CannotTellError(_doubt(choice))
    return choice


def _some(images: Labeled) -> Labeled:
    """At most MOST images, as evenly over the labels as possible."""
    if len(images) <= MOST:
        return images
    rows = np.sort(balanced_rows(images.targets, np.arange(len(images)), MOST, seed=1))
    sources = images.sources[rows] if isinstance(images.sources, np.ndarray) else [images.sources[i] for i in rows]
    return replace(images, sources=sources, targets=images.targets[rows], hashes=())


def trials(float32: bytes, images: Labeled, overrides: Overrides) -> dict[str, Right]:
    """For each scaling by name, whether the network gets each image right."""
    with tempfile.TemporaryDirectory(prefix="framelite-") as name:
        path, labels = Path(name) / "network.tflite", Path(name) / "labels.json"
        path.write_bytes(float32)
        labels.write_text(json.dumps(images.labels), encoding="utf-8")  # the network's own may lie in an archive
        known = replace(overrides, labels=labels)

        def answer(classifier: Classifier, row: int) -> list[int]:
            small = classifier.preprocessor.resize(images.image(row))
            found = []
            for scaling in SCALINGS.values():
                fed = Preprocessor(fed_so(classifier.card.input, scaling), classifier.input)
                classifier.invoke(fed.tensor(small))
                found.append(int(classifier.raw_scores().argmax()))
            return found

        def make() -> Classifier:
            return Classifier(path, known)

        answers = list(ordered.in_order(answer, range(len(images)), make, system.usable_cores()))
    right = np.array(answers) == images.targets[:, None]
    return dict(zip(SCALINGS, right.T, strict=True))


def fed_so(spec: InputSpec, scaling: PixelScaling) -> InputSpec:
    return replace(spec, mean=scaling.mean, std=scaling.std, color=scaling.color)


def judged(right: Mapping[str, Right], split: str) -> ScalingChoice:
    """right: for each scaling, whether each image is right. The first of equally good ones is the best."""
    names = sorted(right, key=lambda name: -int(right[name].sum()))
    gains = {name: Paired.of(right[name], right[names[0]]) for name in names[1:]}
    nearest = min(gains, key=lambda name: _gain(gains[name])[0])
    n = len(right[names[0]])
    counts = [int(right[name].sum()) for name in names]
    rows = [ScalingTrial(count / n, n, wilson(count, n), name) for name, count in zip(names, counts, strict=True)]
    return ScalingChoice(n, split, tuple(rows), nearest, -gains[nearest].drop, _gain(gains[nearest]))


def _gain(pair: Paired) -> tuple[float, float]:
    low, high = pair.interval
    return -high, -low


def line(choice: ScalingChoice) -> str:
    """The choice in words."""
    gain = text.points(choice.gain, choice.gain_interval, 1, " points")
    return (
        f"--scaling auto: {choice.scaling}, {_accuracies(choice.trials[:1])} of {choice.n} images ({choice.split});"
        f" {gain} more than {choice.runner_up}"
    )


def _accuracies(rows: Sequence[ScalingTrial]) -> str:
    return ", ".join(f"{row.scaling} {text.percent(row.top1)}" for row in rows)


def _doubt(choice: ScalingChoice) -> str:
    low, high = (f"{100 * end:.1f}" for end in choice.gain_interval)
    return (
        f"{choice.n} images can't tell --scaling {choice.scaling} from {choice.runner_up} ({low} to {high} points):"
        f" {_accuracies(choice.trials)}; give more labeled images, or the name of the one that the network was trained"
        " with"
    )
