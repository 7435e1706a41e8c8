"""Numbers before labels: are they places in the output, or part of the names?

    0 Class 1     Teachable Machine: a place          0 fingers     a number of fingers, which must stay
    0  cat        Coral: a place                      1 finger
    0,cat  0: cat  0<tab>cat                          2 fingers

They are removed only if they run from 0 to n-1 and the rest distinguishes the labels; otherwise they stay. A note
reports either.
"""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from device import text

NUMBERED = re.compile(r"([0-9]{1,6})(\s*[,;:=\t]\s*|[.)]\s+|\s+-\s+|\s{2,}|\s)(\S.*)")
NUMBERED_BEHIND = re.compile(r"(\S.*?)\s*[,;\t]\s*([0-9]{1,6})")
# Separators that make the number a place, whatever the order of the lines.
COLUMN = re.compile(r"\s*[,;:=\t]\s*")
QUOTED = re.compile(r'"((?:[^"]|"")*)"')
# Endings of plurals in several languages, and the length of the shortest singular.
PLURALS, STEM = ("s", "es", "e", "n", "en", "er"), 3


@dataclass(frozen=True)
class NumberedLabel:
    """A number, the separator, and the name."""

    number: int
    between: str
    name: str

    @property
    def is_column(self) -> bool:
        return bool(COLUMN.fullmatch(self.between))


def taken_off(lines: list[str]) -> tuple[list[str], list[str]]:
    """(labels in output order, notes on what was done with numbers)."""
    rest, notes = lines, []
    if _is_header(lines):
        rest, notes = lines[1:], [f"line 1 is a header, left out: {lines[0]!r}"]
    numbered = _numbered(rest)
    if numbered is None:
        return lines, []
    numbers, names = [line.number for line in numbered], [line.name for line in numbered]
    runs = numbers == list(range(len(rest)))
    if not runs and sorted(numbers) == list(range(len(rest))) and all(line.is_column for line in numbered):
        numbered = sorted(numbered, key=lambda line: line.number)
        names, runs = [line.name for line in numbered], True
        notes.append("the lines are sorted by their numbers")
    if not runs:
        return lines, _why_not_places(numbers)
    if reason := _part_of_the_name(numbered):
        return lines, [f"the numbers before the labels are kept, as {lines[0]!r}: {reason}"]
    shown = text.some([repr(name) for name in names], 3)
    notes.append(
        f"the numbers 0..{len(rest) - 1} next to the labels count as their places and are removed: {shown}"
        ' (a JSON list, ["…", …], is used unchanged)'
    )
    return names, notes


def _is_header(lines: list[str]) -> bool:
    """Whether the first line is a header such as `id,name`, above two columns."""
    if len(lines) < 2 or re.search(r"[0-9]", lines[0]) or not re.search(r"[,;\t]", lines[0]):
        return False
    numbered = _numbered(lines[1:])
    return numbered is not None and all(line.is_column for line in numbered)


def _numbered(lines: list[str]) -> list[NumberedLabel] | None:
    """The number and name of every line; None if one lacks either."""
    before = [NUMBERED.fullmatch(line) for line in lines]
    if all(before):
        return [NumberedLabel(int(found[1]), found[2], _unquoted(found[3])) for found in before if found]
    behind = [NUMBERED_BEHIND.fullmatch(line) for line in lines]
    if all(behind):
        found = [NumberedLabel(int(one[2]), ",", _unquoted(one[1])) for one in behind if one]
        if sorted(line.number for line in found) == list(range(len(found))):
            return found
    return None


def _unquoted(name: str) -> str:
    found = QUOTED.fullmatch(name)
    return found[1].replace('""', '"') if found else name


def _why_not_places(numbers: list[int]) -> list[str]:
    if numbers == list(range(1, len(numbers) + 1)):
        return [f"the numbers 1..{len(numbers)} before the labels are kept: places would start at 0"]
    return []


def _part_of_the_name(numbered: list[NumberedLabel]) -> str:
    """Why the numbers can't be removed, in words; '' if they can."""
    names = [line.name for line in numbered]
    if twice := first_repeated(names):
        return f"without them {twice!r} would appear twice"
    if all(line.between == line.between.strip() for line in numbered) and all(name[0].isdigit() for name in names):
        return "they may be the first part of a number"
    if all(line.between == " " for line in numbered) and (pair := _one_and_several(names)):
        return f"they may be counts, since {pair[0]!r} and {pair[1]!r} are singular and plural"
    return ""


def first_repeated(names: Sequence[str]) -> str | None:
    return next((name for name, count in Counter(names).items() if count > 1), None)


def _one_and_several(names: list[str]) -> tuple[str, str] | None:
    """Two names that differ only in the plural ending of one word."""
    known = set(names)
    for name in names:
        words = name.split(" ")
        for place, word in enumerate(words):
            for ending in PLURALS:
                stem = word.removesuffix(ending)
                one = " ".join([*words[:place], stem, *words[place + 1 :]])
                if STEM <= len(stem) < len(word) and one in known:
                    return one, name
    return None
