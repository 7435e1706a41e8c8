"""What the charts have in common: their look, the way to SVG, scales with round ticks, names that don't overlap.

Imports matplotlib, of the extra `report`.
"""

import html
import io
import re
import warnings
from collections.abc import Callable, Sequence
from typing import Any

from matplotlib import style
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullLocator

from device.model import variants

GRAY = "#555555"
# As wide as a phone: drawn at that width, letters have their own size.
WIDTH_IN = 4.2
# A scale whose ends are further apart is logarithmic.
WIDE = 4.0
STYLE = {
    "svg.fonttype": "none",  # letters stay letters
    "text.parse_math": False,  # a label may have a $
    "font.size": 10,
    "axes.labelsize": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "axes.edgecolor": "#777777",
    "grid.color": "#e3e3e3",
    "figure.dpi": 72,
    "savefig.dpi": 72,
}

# A name that is no further from its point, in points of 1/72 inch, needs no line to it.
NEXT_TO = 11.0

Box = tuple[float, float, float, float]  # left, bottom, right, top


def color(variant: str | None) -> str:
    found = variants.BY_NAME.get(variant or "")
    return found.color if found else GRAY


def short(name: str, length: int) -> str:
    """Its beginning and its end, which tells cases apart."""
    tail = length // 3
    return name if len(name) <= length else f"{name[: length - tail - 1]}…{name[-tail:]}"


def draw(title: str, height_in: float, paint: Callable[[Figure], None]) -> str:
    """The SVG element: without a size of its own, a date, or names that another chart on the page might have too."""
    with style.context(["default", {**STYLE, "svg.hashsalt": title}]), warnings.catch_warnings():
        # Of a letter that matplotlib's font lacks: a browser has fonts for it.
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        figure = Figure(figsize=(WIDTH_IN, height_in), layout="constrained")
        paint(figure)
        written = io.StringIO()
        figure.savefig(written, format="svg", metadata=dict.fromkeys(("Creator", "Date", "Format", "Type")))
    _, _, text = written.getvalue().partition("<svg")
    head, _, inside = text.partition(">")
    box = re.search(r'viewBox="[^"]*"', head)
    assert box is not None
    spaces = 'xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"'
    inside = re.sub(r'<g id="[^"]*"', "<g", inside)
    return f'<svg {box[0]} role="img" aria-label="{html.escape(title)}" {spaces}>{inside}'


def scale(axis: Any, low: float, high: float) -> bool:
    """Prepares x for times from low to high; True where it became logarithmic, with ticks at 1, 2 and 5."""
    if low <= 0 or high / low < WIDE:
        axis.xaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 5, 10]))
        return False
    axis.set_xscale("log")
    axis.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5) if high / low < 500 else (1,)))
    axis.xaxis.set_major_formatter(FuncFormatter(lambda value, place: f"{value:g}"))
    axis.xaxis.set_minor_locator(NullLocator())
    return True


def label_points(axis: Any, points: Sequence[tuple[str, float, float]]) -> None:
    """Writes each (name, x, y) beside its point where nothing else is, with a thin line where it isn't next to it."""
    figure = axis.figure
    figure.draw_without_rendering()
    figure.set_layout_engine("none")  # the axes stay where they are now
    centers = [(float(x), float(y)) for x, y in (axis.transData.transform(point[1:]) for point in points)]
    taken = [(x - 6, y - 6, x + 6, y + 6) for x, y in centers]
    for (name, *_), (x, y) in zip(points, centers, strict=True):
        label = axis.text(x, y, short(name, 26), fontsize=9.5, transform=None, va="center", ha="center", zorder=5)
        label.set_bbox({"facecolor": "white", "edgecolor": "none", "alpha": 0.8, "pad": 0.5})
        extent = label.get_window_extent()
        boxes = [box for box in _around(x, y, extent.width, extent.height) if _is_inside(box, axis.bbox.extents)]
        free = [box for box in boxes if not any(_touch(box, other) for other in taken)]
        left, bottom, right, top = min(free or boxes, key=lambda box: _distance(box, x, y), default=extent.extents)
        taken.append((left, bottom, right, top))
        label.set_position(((left + right) / 2, (bottom + top) / 2))
        if _distance((left, bottom, right, top), x, y) > NEXT_TO:
            end = min(max(x, left), right), bottom if bottom > y else top
            axis.plot(*zip((x, y), end, strict=True), transform=None, color="#777777", linewidth=0.7, zorder=1)


def _around(x: float, y: float, width: float, height: float) -> list[Box]:
    """Places for a box: right of the point, left, above and below, and further up and down."""
    corners = [(x + 9, y - height / 2), (x - 9 - width, y - height / 2)]
    for lines in range(8):
        for low in (y + 7 + lines * height, y - 7 - (lines + 1) * height):
            corners += [(x - width / 2, low), (x + 4, low), (x - width - 4, low)]
    return [(left, low, left + width, low + height) for left, low in corners]


def _is_inside(box: Box, frame: Box) -> bool:
    return box[0] >= frame[0] and box[1] >= frame[1] and box[2] <= frame[2] and box[3] <= frame[3]


def _touch(one: Box, other: Box) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


def _distance(box: Box, x: float, y: float) -> float:
    """From a point outside to the nearest of the box; sideways counts for a little more."""
    return 1.2 * max(box[0] - x, x - box[2], 0.0) + max(box[1] - y, y - box[3], 0.0)
