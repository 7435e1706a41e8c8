"""Which charts a machine's results give, each with the words under it."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.documents.rows import AccuracyRow, BurstRow, FrameSeries, LatencyRow
from benchmarks.report import charts, rows
from benchmarks.report.charts import Bar, BurstPoint, ChartSamples, Point
from benchmarks.report.documents import Machine
from benchmarks.report.drawing import color
from benchmarks.report.rows import ShownAccuracy, p99_ms
from device import text

# So many labels a person reads in one chart.
MAX_LABELS = 30
INVOKE = "Invoke alone, in milliseconds"
FRAME = "A frame's whole way, from 1280x720 to its labels, in milliseconds"
HOW_READ = (
    "Whole line: p50; dashed: p99. Slower samples are cut off; the longest of all is written above. Unknown: a p99 of"
    " fewer than 1,000 samples; the longest in a document that kept only a part of them."
)
SIZE = "Size of the file."
MEMORY = "Peak memory of a fresh process that runs this case alone, with Python and the interpreter."


@dataclass(frozen=True)
class Shown:
    """A chart, and plain text."""

    svg: str
    caption: str


def _named(found: Sequence[LatencyRow], brief: bool = False) -> list[tuple[LatencyRow, str, str]]:
    """Each with its name and its color."""
    names = rows.names(found, brief)
    return [(row, name, color(row.variant)) for row, name in zip(found, names, strict=True)]


def trade_offs(machine: Machine) -> list[Shown]:
    """A chart for all cases whose accuracy was taken on the same images."""
    by_images: dict[str, list[Point]] = {}
    named = _named([case.row for case in machine.cases], brief=True)
    for case, (row, name, tint) in zip(machine.cases, named, strict=True):
        p50_ms, accuracy = row.p50_ms, case.accuracy
        if p50_ms is not None and accuracy is not None:
            point = Point(name, tint, p50_ms, row.p50_interval_ms, accuracy.top1, accuracy.interval)
            by_images.setdefault(accuracy.images, []).append(point)
    return [
        Shown(
            charts.trade_off(f"{machine.name}: accuracy against latency, {images}", points),
            f"Accuracy: {images}. Left is faster, up is more often right. The line is the Pareto front of the"
            " estimates. What is paler is beaten in both, beyond the intervals; what is neither isn't told apart. Where"
            " there are many, those on the line alone are named. Whiskers: 95 % intervals. 2T: two threads.",
        )
        for images, points in by_images.items()
    ]


def distributions(machine: Machine) -> list[Shown]:
    """Of invoke, and of a frame's whole way where it was timed."""
    named = _named([case.row for case in machine.cases])
    ways = {
        INVOKE: [_samples(row, name, tint) for row, name, tint in named],
        FRAME: [_samples(row.frame, name, tint) for row, name, tint in named if row.frame],
    }
    found = {way: [samples for samples in all_samples if samples] for way, all_samples in ways.items()}
    return [
        Shown(charts.distributions(f"{machine.name}: {way}", samples), f"{way}. {HOW_READ}")
        for way, samples in found.items()
        if samples
    ]


def _samples(latency: LatencyRow | FrameSeries, name: str, tint: str) -> ChartSamples | None:
    times_ms, p50_ms = latency.samples_ms, latency.p50_ms
    return (
        ChartSamples(name, tint, times_ms, p50_ms, p99_ms(latency), _longest_ms(latency))
        if times_ms and p50_ms
        else None
    )


def _longest_ms(latency: LatencyRow | FrameSeries) -> float | None:
    """Of all samples. A document of before it was noted holds it for certain only where all samples were kept."""
    told, times_ms = latency.max_ms, latency.samples_ms
    return max(times_ms, default=None) if told is None and len(times_ms) == latency.n else told


def labels(machine: Machine) -> list[Shown]:
    """A chart for each float32 and int8 of one model in one runtime, on the same images."""
    floats = {_pair(one): _shares(one) for one in machine.accuracies if one.row.variant == "float32"}
    made = []
    for accuracy in machine.accuracies:
        before = floats.get(_pair(accuracy), {}) if accuracy.row.variant == "int8" else {}
        items = [(label, before[label], share) for label, share in _shares(accuracy).items() if label in before]
        items.sort(key=lambda item: item[2] - item[1])
        if items:
            cut = f"the {MAX_LABELS} of {len(items)} labels that lose most" if len(items) > MAX_LABELS else "all labels"
            title = f"{machine.name}: {accuracy.row.model}, accuracy of each label"
            caption = (
                f"{accuracy.row.model}, {accuracy.images}: {cut}, the greatest loss first; right: points lost or won."
            )
            made.append(Shown(charts.pairs(title, "float32", "int8", items[:MAX_LABELS]), caption))
    return made


def _pair(accuracy: ShownAccuracy) -> tuple[str, str, str]:
    return accuracy.row.model, accuracy.images, accuracy.engine


def _shares(accuracy: ShownAccuracy) -> dict[str, float]:
    classes = accuracy.row.per_class if isinstance(accuracy.row, AccuracyRow) else ()
    return {row.label: row.top1 for row in classes}


def sizes(machine: Machine) -> list[Shown]:
    """The size of each file, the memory of each case."""
    named = _named([case.row for case in machine.cases])
    by_file = {(row.file, row.sha256): row for row, _, _ in named}
    files = [(row, row.file.removesuffix(".tflite"), color(row.variant)) for row in by_file.values()]
    made = []
    of_files = [(row.file_bytes, name, tint) for row, name, tint in files]
    of_cases = [(row.peak_memory_bytes, name, tint) for row, name, tint in named]
    for caption, items in ((SIZE, of_files), (MEMORY, of_cases)):
        bars = [Bar(name, tint, size, text.size(size)) for size, name, tint in items if size]
        if bars:
            made.append(Shown(charts.bars(f"{machine.name}: {caption.removesuffix('.').lower()}", bars), caption))
    return made


def courses(machine: Machine) -> list[Shown]:
    """A chart a document: each has a clock of its own."""
    made = []
    for document in machine.documents:
        moments = [moment for row in document.latency for moment in _moments(row)]
        if moments:
            svg = charts.over_time(f"{machine.name}: {document.path.name} over time", moments)
            made.append(Shown(svg, f"{document.path.name}: p50 of each burst, as a share of its own case's median."))
    return made


def _moments(row: LatencyRow) -> list[BurstPoint]:
    """Of a case's bursts, called by its variant; those of invoke and of a frame each against their own median."""
    variant = row.variant
    by_what: dict[str, list[tuple[float, BurstRow]]] = {}
    for burst in row.bursts:
        if burst.p50_ms:
            by_what.setdefault(burst.what, []).append((burst.p50_ms, burst))
    moments = []
    for bursts in by_what.values():
        middle = statistics.median(p50_ms for p50_ms, _ in bursts)
        for p50_ms, burst in bursts:
            how = p50_ms / middle, burst.temperature_c, burst.clock_mhz, bool(burst.throttled)
            moments.append(BurstPoint(variant or row.model, color(variant), burst.at_s, *how))
    return moments
