"""Numbers and tables as text, the same in every command. Functions return lines; printing happens at the edge."""

import re
from collections.abc import Sequence


def percent(fraction: float | None, digits: int = 2) -> str:
    """`92.40 %` of 0.924; `-` if it isn't known."""
    return "-" if fraction is None else f"{100 * fraction:.{digits}f} %"


def accuracy(top1: float | None, interval: Sequence[float] | None, n: int | None) -> str:
    """`92.40 % (91.86-92.90, n 10000)`, or `-` if nothing was measured."""
    if top1 is None or interval is None:
        return "-"
    return f"{percent(top1)} ({100 * interval[0]:.2f}-{100 * interval[1]:.2f}, n {n})"


def points(share: float | None, interval: Sequence[float] | None, places: int = 2, unit: str = "") -> str:
    """A difference of shares in points with its interval, `0.42 (0.10 to 0.74)`; `-` if it was not measured."""
    if share is None or interval is None:
        return "-"
    middle, low, high = (f"{100 * part:.{places}f}" for part in (share, *interval))
    return f"{middle}{unit} ({low} to {high})"


def limit(most: float) -> str:
    """Of accuracy that may be lost, 0.005: 'the limit is 0.5 points'."""
    return f"the limit is {100 * most:g} point{'' if most == 0.01 else 's'}"


def milliseconds(value: float | None) -> str:
    """Three significant digits below 100 ms: 0.0563, 8.61, 120."""
    if value is None:
        return "-"
    return f"{value:.0f}" if value >= 99.95 else f"{value:#.3g}"


def size(number: int | None) -> str:
    """Bytes for people, in powers of 1000 as on disks and in datasheets."""
    if number is None:
        return "-"
    for unit, factor in (("MB", 1_000_000), ("KB", 1_000)):
        if number >= 0.99995 * factor:  # rounds to 1.0 of the larger unit
            return f"{number / factor:.1f} {unit}"
    return f"{number} B"


def ratio(value: float | None, interval: Sequence[float] | None = None) -> str:
    """`0.42`, or `0.42 (0.40-0.43)` with an interval that isn't a point; `-` if it isn't known."""
    if value is None:
        return "-"
    between = f" ({interval[0]:.2f}-{interval[1]:.2f})" if interval and interval[0] < interval[1] else ""
    return f"{value:.2f}{between}"


def count(number: int, noun: str) -> str:
    """`1 file`, `2 files`."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def some(words: Sequence[str], most: int = 5, between: str = ", ") -> str:
    """The first of them, with an ellipsis if there are more: 'cat, dog …'"""
    return between.join(words[:most]) + (" …" if len(words) > most else "")


# Characters that move a terminal's cursor, color it or reverse the writing direction (C0, DEL, C1, bidirectional
# overrides), and lone surrogates; not tabs and line ends.
_CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


def visible(foreign: str) -> str:
    """Escapes terminal control characters as JSON does: file names, labels and server responses may hold anything."""
    return _CONTROLS.sub(lambda found: f"\\u{ord(found[0]):04x}", foreign)


def one_line(error: BaseException) -> str:
    """The first 160 characters of a library's message, without line breaks and terminal codes."""
    return " ".join(re.sub(r"\x1b\[\d*m", "", str(error)).split())[:160]


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Aligned columns: the first one left, the others right."""
    widths = [max(len(row[i]) for row in (header, *rows)) for i in range(len(header))]

    def line(cells: Sequence[str]) -> str:
        first = cells[0].ljust(widths[0])
        return "  ".join([first, *(cell.rjust(width) for cell, width in zip(cells[1:], widths[1:], strict=True))])

    return [line(header), line(["-" * width for width in widths]), *map(line, rows)]
