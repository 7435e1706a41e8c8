"""What the tables of README and docs are made of."""

from collections.abc import Iterable
from typing import Any


def markdown(header: Iterable[str], rows: Iterable[Iterable[str]]) -> list[str]:
    """A Markdown table, a line an item; cells are Markdown already."""
    header = list(header)
    return ["| " + " | ".join(row) + " |" for row in (header, ["---"] * len(header), *map(list, rows))]


def source(document: dict[str, Any]) -> str:
    """Where and when a result document was measured, and by which command."""
    machine = document["machine"]
    cores = f"{machine['cores']} core{'s' * (machine['cores'] != 1)}"
    return f"Measured {document['date']} on {cores} of {machine['cpu']}: `{document['command']}`"
