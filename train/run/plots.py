"""The images of a run: curves, confusion, sample predictions. Drawn without a display."""

from pathlib import Path

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
import numpy.typing as npt
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from sklearn.metrics import confusion_matrix

from device import text
from device.images import figures
from train.data.streams import Purpose, generator

BLUE, ORANGE, RED = "#1f6fb4", "#e07b00", "#b4281f"
# Nobody reads more classes than this in one figure.
MAX_CLASSES = 40
# Of samples.png, and of an image in it, in inches.
SHEET, SIDE = (18.0, 8.6), 1.4


def save(figure: Figure, path: Path) -> None:
    """Writes the PNG whole or not at all, and lets go of the figure's memory."""
    figures.write(figure, path)
    plt.close(figure)


def plain(label: str, length: int) -> str:
    """The beginning of a label with $ escaped: matplotlib sets text between two $ as a formula."""
    return label[:length].replace("$", r"\$")


def history(values: dict[str, list[float]], best_epoch: int, path: Path) -> None:
    """Draws `curves`."""
    save(curves(values, best_epoch), path)


def curves(values: dict[str, list[float]], best_epoch: int) -> Figure:
    """Plots loss and accuracy of training and validation by epoch, with the kept epoch marked.

    If the run didn't learn labels, the training curve is the agreement with its targets (Recipe.learns_labels).
    """
    epochs = np.array(values["epoch"])
    of_training = "training"
    if "agreement" in values:
        values, of_training = {**values, "accuracy": values["agreement"]}, "training: agreement with the targets"
    figure: Figure
    figure, axes = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
    for axis, name, scale in ((axes[0], "loss", 1), (axes[1], "accuracy", 100)):
        label = "training" if name == "loss" else of_training
        axis.plot(epochs, scale * np.array(values[name]), "o-", color=BLUE, label=label)
        axis.plot(epochs, scale * np.array(values[f"val_{name}"]), "o-", color=ORANGE, label="validation")
        if best_epoch:  # 0: no epoch improved on the initial weights
            axis.axvline(best_epoch, color="gray", linestyle=":", label=f"kept: epoch {best_epoch}")
        axis.set(xlabel="epoch", ylabel=name if scale == 1 else f"{name} (%)", xticks=_ticks(int(epochs[-1])))
        axis.grid(alpha=0.3)
        axis.legend()
    return figure


def _ticks(epochs: int) -> npt.NDArray[np.int64]:
    return np.arange(1, epochs + 1, max(1, epochs // 10))


def confusion(
    targets: npt.NDArray[np.int64],
    predictions: npt.NDArray[np.int64],
    labels: tuple[str, ...],
    path: Path,
    title: str = "test images",
) -> None:
    """Draws how often each label (row) was predicted as each other one (column), in percent of the row.

    Beside each label are its recall, the number on the diagonal, and its number of images; the title has the mean.
    """
    counts = confusion_matrix(targets, predictions, labels=range(len(labels)))
    shares = 100 * counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    few = len(labels) <= MAX_CLASSES
    side = 3 + 0.55 * min(len(labels), MAX_CLASSES)
    figure, axis = plt.subplots(figsize=(side + 1, side), layout="constrained")
    image = axis.imshow(shares, cmap="Blues", vmin=0, vmax=100)
    figure.colorbar(image, label="% of the row", shrink=0.8)
    axis.set(xlabel="prediction", ylabel="label, its recall", title=_title(counts, title))
    if few:
        names = [plain(label, 24) for label in labels]
        axis.set_xticks(range(len(labels)), names, rotation=45, ha="right")
        recalls = [f"{name}  {recall}" for name, recall in zip(names, _recalls(counts), strict=True)]
        axis.set_yticks(range(len(labels)), recalls)
        for row, column in np.argwhere(shares >= 0.5):
            dark = shares[row, column] > 55
            axis.text(
                column, row, f"{shares[row, column]:.0f}", ha="center", va="center", color="white" if dark else "black"
            )
    save(figure, path)


def _title(counts: npt.NDArray[np.int64], what: str) -> str:
    mine = counts[counts.any(axis=1)]
    balanced = float(np.mean(np.diag(counts)[counts.any(axis=1)] / mine.sum(axis=1)))
    accuracy = np.trace(counts) / counts.sum()
    return f"{counts.sum()} {what}\naccuracy {text.percent(accuracy, 1)}, balanced {text.percent(balanced, 1)}"


def _recalls(counts: npt.NDArray[np.int64]) -> list[str]:
    """Texts such as '92 % of 40'; '-' for a label without images."""
    rows = zip(np.diag(counts), counts.sum(axis=1), strict=True)
    return [f"{text.percent(right / n, 0)} of {n}" if n else "-" for right, n in rows]


def samples(
    images: npt.NDArray[np.uint8],
    targets: npt.NDArray[np.int64],
    scores: npt.NDArray[np.float32],
    labels: tuple[str, ...],
    path: Path,
    seed: int,
) -> None:
    """Draws twelve test images chosen by the seed and twelve wrong predictions, each with its three best scores."""
    random = generator(Purpose.SHOWN, seed)
    wrong = np.flatnonzero(scores.argmax(axis=1) != targets)
    chosen = random.permutation(len(targets))[:12]
    errors = random.permutation(wrong)[:12]
    rows = [chosen[:6], chosen[6:], errors[:6], errors[6:]]
    figure = plt.figure(figsize=SHEET)
    # One axis for all, in inches from the top left: matplotlib takes several times as long for 48.
    axis = figure.add_axes((0, 0, 1, 1))
    axis.set_axis_off()
    for line, (members, title) in enumerate(zip(rows, ("random", "", "wrong predictions", ""), strict=True)):
        top = 0.62 + 2.1 * line
        for place, i in enumerate(members):
            _sample(axis, 0.1 + 3 * place, top, images[i], int(targets[i]), scores[i], labels)
        if title and len(members):
            axis.text(0.1, top - 0.35, title, fontsize=12, weight="bold")
    axis.set(xlim=(0, SHEET[0]), ylim=(SHEET[1], 0))  # an image sets others
    save(figure, path)


def _sample(
    axis: plt.Axes,
    left: float,
    top: float,
    image: npt.NDArray[np.uint8],
    target: int,
    scores: npt.NDArray[np.float32],
    labels: tuple[str, ...],
) -> None:
    """An image below its label, and beside it the three best scores as bars."""
    height, width = (SIDE * side / max(image.shape[:2]) for side in image.shape[:2])
    axis.imshow(image, extent=(left, left + width, top + height, top), aspect="auto")
    axis.text(left + SIDE / 2, top - 0.08, plain(labels[target], 16), fontsize=10, ha="center")
    left += SIDE + 0.1
    axis.plot([left, left], [top, top + SIDE], color="black", linewidth=0.8)
    for place, i in enumerate(np.argsort(-scores)[:3]):
        middle = top + SIDE * (place + 0.5) / 3
        color = BLUE if i == target else RED
        bar = Rectangle((left, middle - 0.2), SIDE * float(scores[i]), 0.4, facecolor=color, alpha=0.55)
        axis.add_patch(bar)
        axis.text(left + 0.03, middle, f"{plain(labels[i], 12)} {scores[i]:.2f}", fontsize=8, va="center")
