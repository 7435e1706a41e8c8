"""Text and tables as Markdown shows them, whatever stands in a label or a name."""

import re
from collections.abc import Sequence

from device import text


def plain(words: object) -> str:
    """Words as they are: nothing in them is markup, and none ends a table's cell."""
    return re.sub(r"([\\`*_\[\]<>|#&])", r"\\\1", text.visible(str(words)))


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Cells are Markdown already."""
    return [f"| {' | '.join(cells)} |" for cells in (header, ["---"] * len(header), *rows)]


def facts(rows: Sequence[tuple[str, object | None]]) -> list[str]:
    """A list of what is known; what isn't has no line. Values are Markdown already."""
    return [f"- **{name}**: {value}" for name, value in rows if value is not None]
