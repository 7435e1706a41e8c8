"""What quantization cost, as HTML: the paired table, each label's loss, each layer's noise, the images that flipped."""

import base64
from collections.abc import Iterator, Sequence
from html import escape

from benchmarks.report import charts, tables
from benchmarks.report.charts import Bar
from benchmarks.report.drawing import color
from benchmarks.report.exported import ExportedRun, Sheet
from benchmarks.report.figures import MAX_LABELS, Shown
from device.evaluation import cost_table
from device.evaluation.cost import Flip
from device.evaluation.exports import ExportedVariant

MAX_LAYERS = 12
MISSING = "Its contact sheet is not there; make it again with: python -m export RUN --again"


def summary(run: ExportedRun) -> str:
    """The table that export prints, what changed, and how it was measured."""
    found = cost_table.tables(run.record, run.folder)
    shown = "".join(tables.plain(f"Export, {run.name}", *one) for one in found)
    notes = "".join(f"<li>{escape(line)}</li>" for line in _notes(run))
    return f'{shown}<ul class="soft">{notes}</ul>'


def _notes(run: ExportedRun) -> Iterator[str]:
    for row in run.record.rows:
        if row.failures:
            yield f"{row.variant} was not kept: {'; '.join(row.failures)}"
        yield from cost_table.changes(row)
    if run.record.rescue and run.record.rescue.file:
        yield f"{run.record.rescue.file} stands in the place of int8"
    yield from cost_table.notes(run.record, run.folder)


def figures(run: ExportedRun) -> Iterator[Shown]:
    """Charts: of each file the labels that changed, of int8 its layers. int8, and what was made of it, comes first."""
    for row in reversed(run.record.rows):
        if row.cost and any(one.lost != one.won for one in row.cost.labels):
            yield _labels(run, row)
        if row.layers:
            yield _layers(run, row)


def _labels(run: ExportedRun, row: ExportedVariant) -> Shown:
    assert row.cost is not None
    labels = row.cost.labels
    cut = f"the {MAX_LABELS} of {len(labels)} labels that lost most" if len(labels) > MAX_LABELS else "every such label"
    items = [(one.label, one.first, one.second) for one in labels[:MAX_LABELS]]
    svg = charts.pairs(f"{run.name}: {row.variant} and float32, labels that changed", "float32", row.variant, items)
    caption = f"Labels of which {row.variant} lost or won images: {cut}, the greatest loss first; right: points."
    return Shown(svg, caption)


def _layers(run: ExportedRun, row: ExportedVariant) -> Shown:
    layers, tint = row.layers or (), color(row.variant)
    bars = [
        Bar(f"{one.layer}  {one.operator}", tint, max(one.signal, 0.0), f"{one.signal:.1f} dB")
        for one in layers[:MAX_LAYERS]
    ]
    caption = (
        f"{row.variant}: signal to quantization noise in dB, on calibration images; the noisiest {len(bars)} of"
        f" {len(layers)} layers. Noise adds up from layer to layer: look where it jumps."
    )
    return Shown(charts.bars(f"{run.name}: noise of {row.variant}, layer by layer", bars), caption)


def flips(run: ExportedRun) -> Iterator[str]:
    """Of each file, the last one first, the images on its contact sheet, with what is predicted."""
    for row in reversed(run.record.rows):
        if row.cost and row.cost.flips:
            yield _sheet(run, row.variant, row.cost.flips, row.cost.changed, run.sheets.get(row.variant))


def _sheet(run: ExportedRun, variant: str, flipped: Sequence[Flip], changed: int, sheet: Sheet | None) -> str:
    title = f"<h3>{escape(f'{run.name}, {variant}')}</h3>"
    if sheet is None:
        return f"<div>{title}{tables.note(MISSING)}</div>"
    shown = flipped[: sheet.count]
    count = f"{len(shown)} of {changed} images that {variant} predicts differently from float32, lost ones first."
    tiles = "".join(_tile(flip, variant, sheet, place) for place, flip in enumerate(shown))
    style = f"--sheet: {_url(sheet.png)}; --side: {sheet.side}px"
    return f'<div>{title}{tables.note(count)}<div class="flips" style="{style}">{tiles}</div></div>'


def _tile(flip: Flip, variant: str, sheet: Sheet, place: int) -> str:
    left, top = sheet.corner(place)
    truth = "" if flip.label is None else f" {escape(flip.label)}"
    predicted = "".join(
        f"<br>{name} {one.score:.2f} {escape(one.label)}"
        for name, one in (("float32", flip.float32), (escape(variant), flip.variant))
    )
    where = escape(flip.file or f"image {flip.image}")
    image = f'<div class="tile" title="{where}" style="background-position: -{left}px -{top}px"></div>'
    return f"<figure>{image}<figcaption><strong>{flip.kind}:</strong>{truth}{predicted}</figcaption></figure>"


def drawn_images(run: ExportedRun) -> Iterator[str]:
    """What else export drew of it, as wide as the page."""
    for one in run.images:
        width, height = one.size
        style = f"background-image: {_url(one.png)}; aspect-ratio: {width} / {height}"
        style += f"; max-width: {width}px; min-width: min({width}px, 48rem)"
        image = f'<div class="drawn" role="img" aria-label="{escape(one.shows)}" style="{style}"></div>'
        yield f'<div><h3>{escape(run.name)}</h3>{tables.note(one.shows + ".")}<div class="wide">{image}</div></div>'


def _url(png: bytes) -> str:
    return f"url(data:image/png;base64,{base64.b64encode(png).decode()})"
