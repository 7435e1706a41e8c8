"""Charts as SVG text, of plain numbers: the same numbers give the same bytes. Nothing is said by color alone."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import cycle
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from benchmarks.report.drawing import GRAY, color, draw, label_points, scale, short
from benchmarks.report.pareto import beaten, front

BINS = 150
# Of more points only those on the front are named; there is no room for all.
MOST_NAMES = 8


@dataclass(frozen=True)
class Point:
    """A case between latency and accuracy (a share, 0..1), with their intervals (low, high)."""

    name: str
    color: str
    latency_ms: float
    latency_interval_ms: tuple[float, float] | None
    accuracy: float
    accuracy_interval: tuple[float, float]


@dataclass(frozen=True)
class ChartSamples:
    """The times of one case, or a part of them; p50, p99 and the longest are of all, None where they aren't known."""

    name: str
    color: str
    times_ms: Sequence[float]
    p50_ms: float
    p99_ms: float | None
    longest_ms: float | None


@dataclass(frozen=True)
class Bar:
    """value decides the length, text is what is written at its end."""

    name: str
    color: str
    value: float
    text: str


@dataclass(frozen=True)
class BurstPoint:
    """A burst of a case called `name`. ratio: its median as a share of the median of its case's bursts."""

    name: str
    color: str
    at_s: float
    ratio: float
    temperature_c: float | None
    clock_mhz: float | None
    throttled: bool


def trade_off(title: str, points: Sequence[Point]) -> str:
    """Accuracy against latency, with intervals. The Pareto front is a line; what another certainly beats is paler."""
    pale = beaten([(point.latency_interval_ms, point.accuracy_interval) for point in points])
    best = front([(point.latency_ms, point.accuracy) for point in points])
    times = [point.latency_ms for point in points]

    def paint(figure: Figure) -> None:
        axis = figure.subplots()
        axis.margins(x=0.25, y=0.15)
        scale(axis, min(times), max(times))
        axis.set(xlabel="p50 of invoke, ms", ylabel="right predictions, %")
        axis.grid()
        for place, point in enumerate(points):
            _whiskers(axis, point, 0.4 if place in pale else 1.0)
        x, y = [times[place] for place in best], [100 * points[place].accuracy for place in best]
        axis.step(x, y, where="post", color="black", linewidth=1, zorder=1)
        named = points if len(points) <= MOST_NAMES else [points[place] for place in best]
        label_points(axis, [(point.name, point.latency_ms, 100 * point.accuracy) for point in named])

    return draw(title, 3.8, paint)


def _whiskers(axis: Any, point: Point, alpha: float) -> None:
    x, y = point.latency_ms, 100 * point.accuracy
    low, high = point.latency_interval_ms or (x, x)
    below, above = (100 * share for share in point.accuracy_interval)
    # The interval is of another estimate than the median of all samples, which may lie just outside of it.
    errors = {"xerr": [[max(0, x - low)], [max(0, high - x)]], "yerr": [[max(0, y - below)], [max(0, above - y)]]}
    axis.errorbar(
        [x], [y], **errors, fmt="o", color=point.color, alpha=alpha, markersize=7, elinewidth=1.2, capsize=2.5
    )


def distributions(title: str, cases: Sequence[ChartSamples]) -> str:
    """How often each time was taken, a row a case on one scale; it ends a little behind the largest p99."""
    low = min(min(case.times_ms) for case in cases)
    # Of too few samples no p99 is told; where the axis ends, theirs may decide.
    ends = [float(np.percentile(case.times_ms, 99)) if case.p99_ms is None else case.p99_ms for case in cases]
    high = max(low, *ends) * 1.05

    def paint(figure: Figure) -> None:
        axis = figure.subplots()
        edges = np.geomspace(low, high, BINS + 1) if scale(axis, low, high) else np.linspace(low, high, BINS + 1)
        for row, case in enumerate(reversed(cases)):
            counts = np.histogram(case.times_ms, edges)[0]
            axis.stairs(row + 0.45 * counts / max(1, counts.max()), edges, baseline=row, fill=True, color=case.color)
            axis.vlines(case.p50_ms, row, row + 0.5, color="black", linewidth=1.3)
            if case.p99_ms is not None:
                axis.vlines(case.p99_ms, row, row + 0.3, color="black", linewidth=1.3, linestyles="dashed")
            p99, longest = ("unknown" if value is None else f"{value:.3g}" for value in (case.p99_ms, case.longest_ms))
            figures = f"p50 {case.p50_ms:.3g}, p99 {p99}, longest {longest}"
            _write(axis, row + 0.74, case.name, bold=True)
            _write(axis, row + 0.53, figures, most=60)
        axis.set(ylim=(-0.05, len(cases)), xlim=(low * 0.98, high), xlabel="ms", yticks=[])
        axis.spines["left"].set_visible(False)
        axis.grid(axis="x")

    return draw(title, 0.5 + 0.8 * len(cases), paint)


def bars(title: str, items: Sequence[Bar]) -> str:
    """A bar an item, from zero, with its name above and its text at its end."""
    most = max(item.value for item in items)

    def paint(figure: Figure) -> None:
        axis = figure.subplots()
        for row, item in enumerate(reversed(items)):
            axis.barh(row, item.value, height=0.4, color=item.color, align="edge")
            axis.annotate(item.text, (item.value, row + 0.2), (4, 0), textcoords="offset points", va="center")
            _write(axis, row + 0.46, item.name, bold=True)
        axis.set(ylim=(-0.1, len(items)), xlim=(0, 1.25 * most or 1), xticks=[], yticks=[])
        axis.spines[["left", "bottom"]].set_visible(False)

    return draw(title, 0.1 + 0.5 * len(items), paint)


def pairs(title: str, before: str, after: str, items: Sequence[tuple[str, float, float]]) -> str:
    """Two shares (0..1) of each item, of two variants, on one line; the change is written beside it in points."""
    first, second = (100 * np.array([item[place] for item in items]) for place in (1, 2))
    left, right = float(min(*first, *second)), float(max(*first, *second))
    spread = max(right - left, 2.0)

    def paint(figure: Figure) -> None:
        axis = figure.subplots()
        places = np.arange(len(items))[::-1]
        axis.hlines(places, first, second, color="#999999", linewidth=2, zorder=1)
        axis.scatter(first, places, s=60, facecolors="white", edgecolors=color(before), linewidths=1.8, label=before)
        axis.scatter(second, places, s=22, color=color(after), label=after)
        for place, change in zip(places, second - first, strict=True):
            said = f"{change:+.1f}".replace("-", "−")
            box = {"facecolor": "white", "edgecolor": "none", "pad": 1}
            axis.text(right + 0.3 * spread, place, said, ha="right", va="center", bbox=box)
        axis.set_yticks(places, [short(item[0], 18) for item in items])
        low, high = left - 0.08 * spread, right + 0.32 * spread
        axis.set(xlim=(low, high), ylim=(-0.7, len(items) - 0.3))
        axis.set_xticks([tick for tick in MaxNLocator(6).tick_values(low, high) if low <= tick <= min(high, 100)])
        axis.set_xlabel("right predictions, %")
        axis.grid()
        figure.legend(loc="outside upper left", ncols=2, frameon=False)

    return draw(title, 1.0 + 0.25 * len(items), paint)


def over_time(title: str, moments: Sequence[BurstPoint]) -> str:
    """Each burst as a share of its case's median; below it the temperature and the clock, where there are any."""
    readings = {
        "°C": [(moment.at_s, moment.temperature_c) for moment in moments if moment.temperature_c is not None],
        "MHz": [(moment.at_s, moment.clock_mhz) for moment in moments if moment.clock_mhz is not None],
    }
    names = dict.fromkeys(moment.name for moment in moments)
    below = {unit: sorted(values) for unit, values in readings.items() if values}

    def paint(figure: Figure) -> None:
        heights = [2.4] + [1.0] * len(below)
        top, *others = figure.subplots(len(heights), sharex=True, squeeze=False, height_ratios=heights)[:, 0]
        for name, marker in zip(names, cycle("osD^v"), strict=False):
            _dots(top, [moment for moment in moments if moment.name == name], marker, short(name, 24))
        throttled = [moment for moment in moments if moment.throttled]
        if throttled:
            _dots(top, throttled, "x", "throttled", "black")
        top.set_ylabel("p50, % of its median")
        for axis, (unit, values) in zip(others, below.items(), strict=True):
            axis.plot(*zip(*values, strict=True), color=GRAY, linewidth=1.2)
            axis.set_ylabel(unit)
        for axis in (top, *others):
            axis.grid()
            axis.yaxis.set_major_locator(MaxNLocator(4))
        (top, *others)[-1].set_xlabel("seconds since the beginning")
        figure.align_ylabels()
        figure.legend(*top.get_legend_handles_labels(), loc="outside upper left", ncols=3, frameon=False)

    return draw(title, 2.8 + 0.06 * len(names) + len(below), paint)


def _dots(axis: Any, moments: Sequence[BurstPoint], marker: str, label: str, color: str | None = None) -> None:
    x, y = [moment.at_s for moment in moments], [100 * moment.ratio for moment in moments]
    axis.plot(x, y, marker, color=color or moments[0].color, markersize=4, alpha=0.75, label=label)


def _write(axis: Any, y: float, text: str, bold: bool = False, most: int = 40) -> None:
    """A line of text from the left end of the axes, of at most so many letters."""
    weight = "bold" if bold else "normal"
    axis.annotate(
        short(text, most), (0, y), xycoords=("axes fraction", "data"), va="bottom", weight=weight, fontsize=9.5
    )
