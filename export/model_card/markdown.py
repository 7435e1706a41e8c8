"""Formats text and tables as Markdown, whatever characters labels and names have."""

import re
from collections.abc import Sequence

from device import text


def plain(words: object) -> str:
    """Escapes text, so that nothing in it is markup or ends a table's cell."""
    return re.sub(r"([\\`*_\[\]<>|#&])", r"\\\1", text.visible(str(words)))


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """A table. header, rows: already Markdown."""
    return [f"| {' | '.join(cells)} |" for cells in (header, ["---"] * len(header), *rows)]


def facts(rows: Sequence[tuple[str, object | None]]) -> list[str]:
    """A list of the known facts; unknown ones have no line. Values are already Markdown."""
    return [f"- **{name}**: {value}" for name, value in rows if value is not None]
