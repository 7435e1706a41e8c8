"""The two figures of the classical baseline: what its features see, and its classifiers' boundaries."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import numpy.typing as npt
from matplotlib.colors import ListedColormap
from matplotlib.patches import Rectangle

from device import text
from device.data.folders import Cache
from device.images.images import Pixels
from train.classical import features
from train.classical.features import Floats
from train.data.split import Rows
from train.data.streams import Purpose, generator
from train.run.plots import BLUE, ORANGE, RED, plain, save

MAX_LABELS = 12  # with more labels there is neither a legend nor lines around areas
SHOWN = 6  # images in features.png
GRID = 600  # points per side for a classifier's predictions
MARGIN = 0.03  # around the outermost images


@dataclass(frozen=True)
class Panel:
    """A classifier in the plane of brightness and height. predict: [n, 2] -> the index of each one's label [n]."""

    title: str
    training: float  # accuracy, 0..1
    test: float
    predict: Callable[[Floats], npt.NDArray[Any]]


def boundary(plane: Floats, targets: Rows, labels: tuple[str, ...], panels: Sequence[Panel], path: Path) -> None:
    """Training images as points in the plane, each panel's predictions as areas.

    plane: [n, 2], brightness and object height of each image, 0..1.
    """
    figure, axes = plt.subplots(1, len(panels), figsize=(6.5 * len(panels), 6.4), sharey=True, layout="constrained")
    order = generator(Purpose.SHOWN, 1).permutation(len(plane))  # so that no label covers the others
    colors = _colors(len(labels))
    area = np.clip(9000 / len(plane), 9, 30)  # of a point: larger where there are few
    for axis, panel in zip(axes, panels, strict=True):
        _areas(axis, plane, panel.predict, colors)
        axis.scatter(*plane[order].T, c=[colors[i] for i in targets[order]], s=area, linewidths=0)
        accuracies = f"training {text.percent(panel.training, 1)}, test {text.percent(panel.test, 1)}"
        axis.set(title=f"{panel.title}\n{accuracies}", xlabel="brightness: mean luminance, 0 black, 1 white")
    axes[0].set_ylabel("height of the object as a share of the image's")
    if len(labels) <= MAX_LABELS:
        marks = [plt.Line2D([], [], marker="o", linestyle="", color=color) for color in colors]
        names = [f"{plain(label, 24)} ({(targets == i).sum()})" for i, label in enumerate(labels)]
        figure.legend(marks, names, loc="outside lower center", ncols=min(6, len(labels)))
    save(figure, path)


def _areas(axis: plt.Axes, plane: Floats, predict: Callable[[Floats], npt.NDArray[Any]], colors: list[Any]) -> None:
    """Colors each point of the plane by its prediction, with lines between areas."""
    low, high = plane.min(axis=0) - MARGIN, plane.max(axis=0) + MARGIN
    x, y = np.meshgrid(*(np.linspace(low[i], high[i], GRID) for i in (0, 1)))
    predictions = predict(np.column_stack([x.ravel(), y.ravel()]).astype(np.float32)).reshape(x.shape)
    extent = (low[0], high[0], low[1], high[1])
    last = len(colors) - 0.5
    tints = ListedColormap(colors)
    axis.imshow(predictions, tints, extent=extent, origin="lower", aspect="auto", vmin=-0.5, vmax=last, alpha=0.25)
    if len(colors) > MAX_LABELS:
        return
    for label in np.unique(predictions)[1:]:
        axis.contour(x, y, predictions == label, levels=[0.5], colors="black", linewidths=0.6)


def _colors(count: int) -> list[Any]:
    """One color per label, as distinct as possible."""
    if count > 10:
        return [plt.get_cmap("turbo")(share) for share in np.linspace(0, 1, count)]
    return [BLUE, ORANGE, *(plt.get_cmap("tab10")(i) for i in range(2, 10))][:count]


def seen(cache: Cache, rows: Rows, path: Path, seed: int) -> None:
    """What the features see in six training images: the image, its largest blob, its gradients."""
    figure, axes = plt.subplots(3, SHOWN, figsize=(2.3 * SHOWN, 7.4), layout="constrained")
    for axis in axes.flat:
        axis.set(xticks=[], yticks=[])
    for place, row in enumerate(_drawn(cache.targets("train"), rows, seed)):
        _one_seen(axes[:, place], cache.images("train")[row], cache.labels[cache.targets("train")[row]])
    for axis, name in zip(axes[:, 0], ("image", "largest blob", "HOG"), strict=True):
        axis.set_ylabel(name, fontsize=12)
    save(figure, path)


def _drawn(targets: Rows, rows: Rows, seed: int) -> Rows:
    """Up to six random rows, of as many labels as possible."""
    random = generator(Purpose.SHOWN, seed)
    by_label = [random.permutation(rows[targets[rows] == label]) for label in random.permutation(np.unique(targets))]
    order = [(place, label, row) for label, mine in enumerate(by_label) for place, row in enumerate(mine[:SHOWN])]
    return np.array([row for _, _, row in sorted(order)[:SHOWN]], np.int64)


def _one_seen(axes: Sequence[plt.Axes], image: Pixels, label: str) -> None:
    blob = features.largest_blob(image)
    height = features.object_height(image)
    axes[0].imshow(image)
    axes[0].set_title(f"{plain(label, 16)}\nbrightness {features.brightness(image):.2f}", fontsize=11)
    axes[1].imshow(blob, cmap="gray", vmin=0, vmax=1)
    axes[1].set_title(f"height {height:.2f}", fontsize=11)
    if height:
        rows, columns = (np.flatnonzero(blob.any(axis=axis)) for axis in (1, 0))
        corner = columns[0] - 0.5, rows[0] - 0.5
        sides = columns[-1] + 1 - columns[0], rows[-1] + 1 - rows[0]
        axes[1].add_patch(Rectangle(corner, *sides, fill=False, edgecolor=RED, linewidth=2))
    stars = features.gradients_drawn(image)
    # A few lines are far brighter than the rest, which would be invisible.
    axes[2].imshow(stars, cmap="gray", vmin=0, vmax=np.quantile(stars, 0.98) or 1)
