"""What the report says in words: machines, the summary, warnings, how it was measured. As HTML, escaped."""

from collections import Counter
from collections.abc import Iterable, Sequence
from html import escape

from benchmarks.documents.rows import AccuracyRow, LatencyRow
from benchmarks.report.documents import Document, Machine
from benchmarks.report.rows import LatencyCase, Pair, ShownAccuracy, p99_ms
from device import text

LEGEND = (
    "Times in milliseconds. p50 (with its 95 % interval over fresh processes), p90 and p99 are of invoke alone,"
    " quantiles by linear interpolation between the two nearest samples; p99 is told of 1,000 samples or more. Frame:"
    " p50 of a 1280x720 frame's whole way to its labels. Accuracy with its 95 % interval. Per second: answers without a"
    " pause; cold, warm: their p50 in the first tenth and in the last half. Energy: of one answer."
)
HEADER = (
    *("model", "variant", "threads", "runtime", "p50", "p90", "p99", "to float32", "frame", "accuracy", "per second"),
    *("cold", "warm", "load", "first", "size", "memory", "energy"),
)
# So many columns say which case it is; the others hold figures, or the reason why there are none.
NAMING = 4


def note(words: str) -> str:
    return f'<p class="soft">{escape(words)}</p>'


def warning(machine: Machine) -> str:
    """Of a board that throttled while it was measured; empty for any other."""
    slowed = sum(bool(case.row.throttled) for case in machine.cases)
    if not slowed:
        return ""
    said = (
        f"throttled while it was measured: {', '.join(machine.throttled)}, in {slowed} of {len(machine.cases)} rows."
        " Its figures are those of a board short of power or cooling."
    )
    return f'<p class="warning"><strong>{escape(machine.name)}</strong> {escape(said)}</p>'


def machine(machine: Machine) -> str:
    """What is known of it, as a list of terms."""
    told = [document.content.machine for document in machine.documents]
    rows = [case.row for case in machine.cases]
    first, memory_bytes = told[0], told[0].memory_bytes
    heat = [row.temperature_c for row in rows] + [_both(one.temperature_c) for one in told]
    instructions = first.fingerprint.get("instructions")
    said = {
        "Processor": first.cpu,
        "Board": first.board,
        "Cores": f"{first.cores or '-'}, {first.architecture or '-'}",
        "Memory": f"{memory_bytes / 1e9:.1f} GB" if memory_bytes else None,
        "Governor": first.governor or "not told",
        "Instructions": ", ".join(instructions) if isinstance(instructions, tuple) else None,
        "System": _each(one.system for one in told),
        "Python": _each(one.python for one in told),
        "Runtime": _each(row.engine for row in rows if row.p50_ms),
        "Temperature": _range(heat, "°C"),
        "Clock": _range([row.clock_mhz for row in rows], "MHz"),
        "Load": _range([_both(one.load_1min) for one in told], "in the last minute"),
        "Throttled": _each(machine.throttled) or "no",
    }
    items = "".join(f"<dt>{name}</dt><dd>{escape(value)}</dd>" for name, value in said.items() if value)
    return f'<div class="card"><h3>{escape(machine.name)}</h3><dl>{items}</dl></div>'


def _each(values: Iterable[str | None]) -> str:
    return ", ".join(dict.fromkeys(value for value in values if value))


def _both(value: float | None) -> Pair | None:
    return None if value is None else (value, value)


def _range(pairs: Sequence[Pair | None], unit: str) -> str:
    known = [pair for pair in pairs if pair]
    if not known:
        return "not told"
    low, high = min(pair[0] for pair in known), max(pair[1] for pair in known)
    return f"{low:.4g} {unit}" if low == high else f"{low:.4g} to {high:.4g} {unit}"


def summary(machine: Machine) -> str:
    """A row a case, in a box of its own that scrolls. Columns that no case has anything for are left out, and named."""
    title = escape(machine.name)
    lines = [_figures(case) for case in machine.cases]
    if not lines:
        return f"<div><h3>{title}</h3>{note('Its latency was not measured.')}</div>"
    empty = [place for place in range(NAMING, len(HEADER)) if all(line[place] == "-" for line in lines)]
    shown = [place for place in range(len(HEADER)) if place not in empty]
    head = "".join(f'<th scope="col">{HEADER[place]}</th>' for place in shown)
    body = "".join(_row(case, [line[i] for i in shown]) for case, line in zip(machine.cases, lines, strict=True))
    table = _scrolling(f"Summary, {machine.name}", head, body)
    missing = note(f"Not known here: {', '.join(HEADER[place] for place in empty)}.") if empty else ""
    return f"<div><h3>{title}</h3>{table}{missing}</div>"


def plain(title: str, header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table of text in a box that scrolls; the first cell of a row says what the row is about."""
    head = "".join(f'<th scope="col">{escape(name)}</th>' for name in header)
    body = "".join(f'<tr><th scope="row">{escape(row[0])}</th>{_cells(row[1:])}</tr>' for row in rows)
    return _scrolling(title, head, body)


def _scrolling(title: str, head: str, body: str) -> str:
    box = f'<div class="scroll" tabindex="0" role="region" aria-label="{escape(title)}">'
    return f"{box}<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"


def _row(case: LatencyCase, cells: Sequence[str]) -> str:
    naming = f'<th scope="row">{escape(cells[0])}</th>' + _cells(cells[1:NAMING])
    error = case.row.error
    if case.row.p50_ms is None:
        said = f"not measured: {error or 'no reason told'}"
        return f'<tr>{naming}<td class="error" colspan="{len(cells) - NAMING}">{escape(said)}</td></tr>'
    wrong = [*([f"not to the end: {error}"] if error else []), *case.row.throttled]
    mark = f'<div class="error">{escape(", ".join(wrong))}</div>' if wrong else ""
    return f"<tr>{naming}<td>{_cell(cells[NAMING])}{mark}</td>{_cells(cells[NAMING + 1 :])}</tr>"


def _cells(texts: Sequence[str]) -> str:
    return "".join(f"<td>{_cell(cell)}</td>" for cell in texts)


def _cell(text: str) -> str:
    """What is in brackets stands below, smaller."""
    figure, bracket, rest = text.partition(" (")
    return escape(figure) + (f"<small>({escape(rest)}</small>" if bracket else "")


def _figures(case: LatencyCase) -> list[str]:
    """As HEADER has them."""
    row, accuracy, sustained = case.row, case.accuracy, case.row.sustained
    interval = row.p50_interval_ms
    between = f" ({'-'.join(map(text.milliseconds, interval))})" if interval else ""
    rate, cold_ms, warm_ms = (
        (sustained.frames_per_second, sustained.cold_p50_ms, sustained.p50_ms) if sustained else (None, None, None)
    )
    return [
        row.model,
        row.variant or "-",
        str(row.threads),
        row.engine,
        text.milliseconds(row.p50_ms) + between,
        text.milliseconds(row.p90_ms),
        _p99(row),
        text.ratio(row.ratio_to_float32, row.ratio_interval),
        text.milliseconds(row.frame.p50_ms if row.frame else None),
        text.accuracy(accuracy.top1, accuracy.interval, accuracy.n) if accuracy else "-",
        text.milliseconds(rate),  # as many digits as a time has
        text.milliseconds(cold_ms),
        text.milliseconds(warm_ms),
        text.milliseconds(row.load_ms),
        text.milliseconds(row.first_ms),
        text.size(row.file_bytes),
        text.size(row.peak_memory_bytes),
        "-" if row.energy_mj is None else f"{row.energy_mj:.3g} mJ",
    ]


def _p99(row: LatencyRow) -> str:
    """Of too few samples it is not told, and of how few they are."""
    known = p99_ms(row)
    return f"- (n {row.n})" if known is None and row.n else text.milliseconds(known)


def origin(machine: Machine) -> str:
    """Date, command and way of each document."""
    items = "".join(f"<li>{_origin(document)}</li>" for document in machine.documents)
    return f"<div><h3>{escape(machine.name)}</h3><ul>{items}</ul></div>"


def _origin(document: Document) -> str:
    ways = []
    good = [row for row in document.latency if row.p50_ms]
    if good:
        processes, samples = min(row.processes for row in good), min(row.n for row in good)
        ways.append(
            f"latency of {len(good)} cases, interleaved in random order, {samples} samples each or more, from"
            f" {processes} fresh processes or more"
        )
    for words, count in Counter(map(_judged, document.accuracies)).items():
        ways.append(f"accuracy of {text.count(count, 'file')} {words}")
    if document.content.interrupted:
        ways.append("interrupted, so this is a part")
    command = document.content.command
    said = f"{document.path.name}, {document.content.date or 'date not recorded'}: {'; '.join(ways)}."
    return escape(said) + (f" <code>{escape(command)}</code>" if command else "")


def _judged(accuracy: ShownAccuracy) -> str:
    left_out = accuracy.row.left_out if isinstance(accuracy.row, AccuracyRow) else None
    return f"in {accuracy.engine}: {accuracy.images}, {left_out or 0} left out"
