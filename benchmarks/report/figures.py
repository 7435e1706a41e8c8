"""Which charts a machine's results give, each with the words under it."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.report import charts, rows
from benchmarks.report.charts import Bar, Moment, Point, Samples
from benchmarks.report.documents import Machine
from benchmarks.report.drawing import colour
from benchmarks.report.rows import Accuracy, Row, p99_ms
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


def _named(found: Sequence[Row], brief: bool = False) -> list[tuple[Row, str, str]]:
    """Each with its name and its colour."""
    names = rows.names(found, brief)
    return [(row, name, colour(row.text("variant"))) for row, name in zip(found, names, strict=True)]


def trade_offs(machine: Machine) -> list[Shown]:
    """A chart for all cases whose accuracy was taken on the same pictures."""
    by_pictures: dict[str, list[Point]] = {}
    named = _named([case.row for case in machine.cases], brief=True)
    for case, (row, name, tint) in zip(machine.cases, named, strict=True):
        p50_ms, accuracy = row.number("p50_ms"), case.accuracy
        if p50_ms is not None and accuracy is not None:
            point = Point(name, tint, p50_ms, row.pair("p50_interval_ms"), accuracy.top1, accuracy.interval)
            by_pictures.setdefault(accuracy.pictures, []).append(point)
    return [
        Shown(
            charts.trade_off(f"{machine.name}: accuracy against latency, {pictures}", points),
            f"Accuracy: {pictures}. Left is faster, up is more often right. The line is the Pareto front of the"
            " estimates. What is paler is beaten in both, beyond the intervals; what is neither isn't told apart. Where"
            " there are many, those on the line alone are named. Whiskers: 95 % intervals. 2T: two threads.",
        )
        for pictures, points in by_pictures.items()
    ]


def distributions(machine: Machine) -> list[Shown]:
    """Of invoke, and of a frame's whole way where it was timed."""
    named = _named([case.row for case in machine.cases])
    ways = {
        INVOKE: [_samples(row, name, tint) for row, name, tint in named],
        FRAME: [_samples(row.inner("frame"), name, tint) for row, name, tint in named],
    }
    found = {way: [samples for samples in all_samples if samples] for way, all_samples in ways.items()}
    return [
        Shown(charts.distributions(f"{machine.name}: {way}", samples), f"{way}. {HOW_READ}")
        for way, samples in found.items()
        if samples
    ]


def _samples(latency: Row, name: str, tint: str) -> Samples | None:
    times_ms, p50_ms = latency.numbers("samples_ms"), latency.number("p50_ms")
    return Samples(name, tint, times_ms, p50_ms, p99_ms(latency), _longest_ms(latency)) if times_ms and p50_ms else None


def _longest_ms(latency: Row) -> float | None:
    """Of all samples. A document of before it was noted holds it for certain only where all samples were kept."""
    told, times_ms = latency.number("max_ms"), latency.numbers("samples_ms")
    return max(times_ms, default=None) if told is None and len(times_ms) == latency.whole("n") else told


def labels(machine: Machine) -> list[Shown]:
    """A chart for each float32 and int8 of one model in one runtime, on the same pictures."""
    floats = {_pair(one): _shares(one) for one in machine.accuracies if one.row.text("variant") == "float32"}
    made = []
    for accuracy in machine.accuracies:
        before = floats.get(_pair(accuracy), {}) if accuracy.row.text("variant") == "int8" else {}
        items = [(label, before[label], share) for label, share in _shares(accuracy).items() if label in before]
        items.sort(key=lambda item: item[2] - item[1])
        if items:
            cut = f"the {MAX_LABELS} of {len(items)} labels that lose most" if len(items) > MAX_LABELS else "all labels"
            title = f"{machine.name}: {accuracy.row.model}, accuracy of each label"
            caption = (
                f"{accuracy.row.model}, {accuracy.pictures}: {cut}, the greatest loss first; right: points lost or won."
            )
            made.append(Shown(charts.pairs(title, "float32", "int8", items[:MAX_LABELS]), caption))
    return made


def _pair(accuracy: Accuracy) -> tuple[str, str, str]:
    return accuracy.row.model, accuracy.pictures, accuracy.row.engine


def _shares(accuracy: Accuracy) -> dict[str, float]:
    each = [(row.text("label"), row.number("top1")) for row in accuracy.row.each("per_class")]
    return {label: share for label, share in each if label is not None and share is not None}


def sizes(machine: Machine) -> list[Shown]:
    """The size of each file, the memory of each case."""
    named = _named([case.row for case in machine.cases])
    by_file = {(row.file, row.text("sha256")): row for row, _, _ in named}
    files = [(row, row.file.removesuffix(".tflite"), colour(row.text("variant"))) for row in by_file.values()]
    made = []
    for field, caption, items in (("file_bytes", SIZE, files), ("peak_memory_bytes", MEMORY, named)):
        bars = [Bar(name, tint, size, text.size(size)) for row, name, tint in items if (size := row.whole(field))]
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
            made.append(Shown(svg, f"{document.path.name}: p50 of each turn, as a share of its own case's median."))
    return made


def _moments(row: Row) -> list[Moment]:
    """Of a case's turns, called by its variant; those of invoke and of a frame each against their own median."""
    variant = row.text("variant")
    by_what: dict[str | None, list[tuple[float, float, Row]]] = {}
    for turn in row.each("turns"):
        at_s, p50_ms = turn.number("at_s"), turn.number("p50_ms")
        if at_s is not None and p50_ms:
            by_what.setdefault(turn.text("what"), []).append((at_s, p50_ms, turn))
    moments = []
    for turns in by_what.values():
        middle = statistics.median(p50_ms for _, p50_ms, _ in turns)
        for at_s, p50_ms, turn in turns:
            held_back = bool(turn.texts("throttled"))
            heat, clock = turn.number("temperature_c"), turn.number("clock_mhz")
            moments.append(Moment(variant or row.model, colour(variant), at_s, p50_ms / middle, heat, clock, held_back))
    return moments
