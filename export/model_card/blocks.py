"""Updates the parts of a page between marks; the text outside is the owner's and stays.

    <!-- written by export: NAME 0123456789ab -->
    …
    <!-- end -->

In the front matter, which is YAML, the marks are comments of YAML. The number is the beginning of the text's SHA-256:
by it a part that the owner has changed is known.
"""

import hashlib
import re
from collections.abc import Mapping, Sequence

_MARKED = re.compile(
    r"^(?P<begin><!-- |# )written by export: (?P<name>[\w ]+?) (?P<sum>[0-9a-f]{12})(?P<close> -->|)\n"
    r"(?P<text>.*?)^(?P=begin)end(?P=close)$",
    re.DOTALL | re.MULTILINE,
)


def marked(name: str, lines: Sequence[str], is_yaml: bool = False) -> str:
    """A part between its marks."""
    begin, close = ("# ", "") if is_yaml else ("<!-- ", " -->")
    text = "".join(f"{line}\n" for line in lines)
    return f"{begin}written by export: {name} {_sum(text)}{close}\n{text}{begin}end{close}"


def updated(page: str, parts: Mapping[str, Sequence[str]]) -> str:
    """The page with new parts; text outside of marks stays, and parts that the page has no marks for are left out."""

    def part(found: re.Match[str]) -> str:
        lines = parts.get(found["name"])
        return found[0] if lines is None else marked(found["name"], lines, found["begin"] == "# ")

    return _MARKED.sub(part, page)


def has_parts(page: str) -> bool:
    return _MARKED.search(page) is not None


def edited(page: str) -> list[str]:
    """The names of the parts that were changed by hand since they were written."""
    return [found["name"] for found in _MARKED.finditer(page) if found["sum"] != _sum(found["text"])]


def _sum(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:12]
