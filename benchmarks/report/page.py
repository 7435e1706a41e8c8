"""The page: its sections in order, their charts under the name of each machine."""

import string
from collections.abc import Callable, Iterable, Sequence
from html import escape
from pathlib import Path

from benchmarks.report import figures, quantization, tables
from benchmarks.report.documents import Machine
from benchmarks.report.exported import ExportedRun
from benchmarks.report.figures import Shown

TEMPLATE = Path(__file__).with_name("page.html")
NO_LABELS = (
    "No float32 and int8 of one model were measured label by label; do it with:"
    " python -m benchmarks accuracy RUN --json RUN/accuracy.json"
)
NO_COST = "No label lost or won an image, and no layer was measured."
NO_FLIPS = (
    "None is recorded: the variants predict as float32 does, or the export is of an older version, which"
    " python -m export RUN --again makes anew."
)


def render(machines: Sequence[Machine], exported: Sequence[ExportedRun] = ()) -> str:
    """The HTML document, of machines or exported runs or both. Everything that came from a file is escaped."""
    named = [machine.name for machine in machines] or [run.name for run in exported]
    title = f"{'Benchmarks' if machines else 'Export'}: {', '.join(named)}"
    head, rest = _measured(machines) if machines else ([], [])
    return string.Template(TEMPLATE.read_text(encoding="utf-8")).substitute(
        title=escape(title),
        warnings="".join(map(tables.warning, machines)),
        sections="\n".join([*head, *_exported(exported), *rest]),
        columns="one" if len(machines) == 1 else "several",
    )


def _exported(exported: Sequence[ExportedRun]) -> list[str]:
    """What quantization cost; nothing where no run was exported."""
    if not exported:
        return []
    costs = [f"<div><h3>{escape(run.name)}</h3>{quantization.summary(run)}</div>" for run in exported]
    charts = [_figure(shown) for run in exported for shown in quantization.figures(run)]
    flips = [part for run in exported for part in quantization.flips(run)]
    drawn = [part for run in exported for part in quantization.drawn_images(run)]
    return [
        _section("What quantization cost", "", costs, "rows"),
        _section("Labels and layers that quantization changes", "" if charts else NO_COST, charts),
        _section("Images that quantization flips", "" if flips else NO_FLIPS, flips, "rows"),
        *([_section("Wrong predictions explained, and a camera's faults", "", drawn, "rows")] if drawn else []),
    ]


def _measured(machines: Sequence[Machine]) -> tuple[list[str], list[str]]:
    """What stands before, and behind, the exported runs."""
    charts = [
        _charts("Accuracy against latency", machines, figures.trade_offs, "No row has an accuracy: there is no chart."),
        _charts("Every sample", machines, figures.distributions, "No samples were kept."),
        _charts("Accuracy of each label, float32 and int8", machines, figures.labels, NO_LABELS),
        _charts("Size and memory", machines, figures.sizes, "Neither was measured."),
        _charts("Over time", machines, figures.courses, "No bursts were kept."),
    ]
    before = [
        _section("Machines", "", map(tables.machine, machines)),
        _section("Summary", tables.LEGEND, map(tables.summary, machines), "rows"),
    ]
    origins = _section("How it was measured", "", map(tables.origin, machines))
    return before, [f'<div class="charts">{"".join(charts)}</div>', origins]


def _section(title: str, note: str, parts: Iterable[str], layout: str = "columns") -> str:
    said = tables.note(note) if note else ""
    inside = f'<div class="parts">{"".join(parts)}</div>'
    return f'<section class="{layout}"><h2>{escape(title)}</h2>{said}{inside}</section>'


def _charts(title: str, machines: Sequence[Machine], make: Callable[[Machine], list[Shown]], nothing: str) -> str:
    """A column a machine; the words where there is no chart."""
    made = [(machine, make(machine)) for machine in machines]
    if not any(shown for _, shown in made):
        return _section(title, nothing, [])
    return _section(title, "", [_column(machine, shown, nothing) for machine, shown in made])


def _column(machine: Machine, shown: Sequence[Shown], nothing: str) -> str:
    charts = "".join(map(_figure, shown))
    return f"<div><h3>{escape(machine.name)}</h3>{charts or tables.note(nothing)}</div>"


def _figure(shown: Shown) -> str:
    return f"<figure>{shown.svg}<figcaption>{escape(shown.caption)}</figcaption></figure>"
