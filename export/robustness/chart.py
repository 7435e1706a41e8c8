"""The chart of --robustness: accuracy by severity, a panel a corruption, float32 and int8 with their intervals."""

from pathlib import Path
from typing import TYPE_CHECKING

from device.evaluation.robustness import CorruptedAccuracy, Robustness
from device.model.variants import BY_NAME

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COLUMNS = 5


def draw(found: Robustness, path: Path) -> None:
    """Writes the PNG."""
    from matplotlib.figure import Figure  # here: who needs no image needs no matplotlib

    from device.images import figures

    names = list(dict.fromkeys(row.corruption for row in found.rows))
    lines = -(-len(names) // COLUMNS)
    figure = Figure(figsize=(2.3 * COLUMNS, 0.6 + 2.3 * lines), layout="constrained")
    axes = figure.subplots(lines, COLUMNS, sharex=True, sharey=True, squeeze=False)
    for axis in axes.flat[len(names) :]:
        axis.set_axis_off()
    for axis, name in zip(axes.flat, names, strict=False):
        _panel(axis, [found.clean, *(row for row in found.rows if row.corruption == name)])
        axis.set_title(name.replace("_", " "), fontsize=10)
    for axis in axes[:, 0]:
        axis.set_ylabel("accuracy (%)")
    axes[0, 0].legend(fontsize=8, loc="lower left")
    figure.suptitle(f"{found.n} {found.split} images, severities of {found.parameters}; 0: clean", fontsize=10)
    figures.write(figure, path)


def _panel(axis: "Axes", rows: list[CorruptedAccuracy]) -> None:
    """The two lines a little apart, so that both intervals show."""
    for variant, aside in (("float32", -0.08), ("int8", 0.08)):
        tops = [100 * float(getattr(row, variant)) for row in rows]
        ends = [tuple(100 * end for end in getattr(row, f"{variant}_interval")) for row in rows]
        # An interval that ends at the share itself may be a rounding inside it.
        spans = [
            [max(0.0, top - low) for top, (low, _) in zip(tops, ends, strict=True)],
            [max(0.0, high - top) for top, (_, high) in zip(tops, ends, strict=True)],
        ]
        places = [row.severity + aside for row in rows]
        axis.errorbar(places, tops, spans, marker="o", markersize=4, color=BY_NAME[variant].color, label=variant)
    axis.set_xticks([row.severity for row in rows])
    axis.set_ylim(0, 102)
    axis.grid(alpha=0.3)
