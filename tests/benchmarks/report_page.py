"""A report as a test reads it: written of documents made by hand, and taken apart again."""

from html.parser import HTMLParser
from pathlib import Path
from typing import Any

from benchmarks.report import report
from tests.benchmarks import reporting

# A program: the report of the document in its first word, to the file in its second.
WRITE = """
import pathlib, sys
from benchmarks.report import report
report.write([pathlib.Path(sys.argv[1])], pathlib.Path(sys.argv[2]))
"""


class Page(HTMLParser):
    """What is in a page: its elements with their attributes, their nesting checked, and the text outside of <style>."""

    EMPTY = ("meta", "link", "br", "img")

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self._open: list[str] = []
        self.source = path.read_text(encoding="utf-8")
        self.feed(self.source)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in self.EMPTY:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self._open and self._open[-1] != "style":
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())

    def charts(self) -> list[str]:
        """The descriptions of all charts."""
        return [attributes["aria-label"] or "" for tag, attributes in self.elements if tag == "svg"]


def made(folder: Path, *documents: dict[str, Any]) -> Page:
    paths = [reporting.write(folder / f"{place}.json", content) for place, content in enumerate(documents)]
    report.write(paths, folder / "report.html")
    return Page(folder / "report.html")
