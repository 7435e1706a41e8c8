"""The page: its sections in order, their charts under the name of each machine."""

import string
from collections.abc import Callable, Iterable, Sequence
from html import escape
from pathlib import Path

from benchmarks.report import figures, tables
from benchmarks.report.documents import Machine
from benchmarks.report.figures import Shown

TEMPLATE = Path(__file__).with_name("page.html")
NO_LABELS = (
    "No float32 and int8 of one model were measured label by label; do it with:"
    " python -m benchmarks accuracy RUN --json RUN/accuracy.json"
)


def render(machines: Sequence[Machine]) -> str:
    """The HTML document. Everything that came from a file is escaped."""
    charts = [
        _charts("Accuracy against latency", machines, figures.trade_offs, "No row has an accuracy: there is no chart."),
        _charts("Every sample", machines, figures.distributions, "No samples were kept."),
        _charts("Accuracy of each label, float32 and int8", machines, figures.labels, NO_LABELS),
        _charts("Size and memory", machines, figures.sizes, "Neither was measured."),
        _charts("Over time", machines, figures.courses, "No turns were kept."),
    ]
    title = "Benchmarks: " + ", ".join(machine.name for machine in machines)
    return string.Template(TEMPLATE.read_text(encoding="utf-8")).substitute(
        title=escape(title),
        warnings="".join(map(tables.warning, machines)),
        machines=_section("Machines", "", map(tables.machine, machines)),
        summary=_section("Summary", tables.LEGEND, map(tables.summary, machines), "rows"),
        charts="\n".join(charts),
        origins=_section("How it was measured", "", map(tables.origin, machines)),
        columns="one" if len(machines) == 1 else "several",
    )


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
    charts = [f"<figure>{one.svg}<figcaption>{escape(one.caption)}</figcaption></figure>" for one in shown]
    return f"<div><h3>{escape(machine.name)}</h3>{''.join(charts) or tables.note(nothing)}</div>"
