"""Reads the label list of a third-party model, from the user's file or from the archive at the model file's end.

Common formats: one name per line; Teachable Machine's `0 name`; Coral's `0  name`; CSV with the place before or after
the name; JSON, a Python literal or YAML (device/labels/label_documents.py). A list is in output order. Notes report
every decision, so that no label changes silently.
"""

import codecs
import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from device import text
from device.errors import UserError
from device.labels import label_documents, label_numbers
from device.model import card as cards
from device.model import flatbuffer

# Five times a list of ten thousand labels.
MAX_BYTES = 1_000_000
LIST = "a text file with one label per line; give one with --labels FILE"
LINE_ENDS = re.compile(r"\r\n|\r|\n")
# Characters that text doesn't have, and the beginnings of files that are easily given by mistake.
CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
OTHERS = (
    (re.compile(r"<(!doctype|html|\?xml|!--)", re.IGNORECASE), "a web page or XML"),
    (re.compile(r"version https://git-lfs"), "a Git LFS pointer instead of the file (git lfs pull)"),
    (re.compile(r"(item|name|model)\s*:?\s*\{"), "a protocol buffer as text"),
)
# Byte order marks. UTF-32's begins with UTF-16's.
MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


@dataclass(frozen=True)
class LabelList:
    """Labels in output order, and notes on decisions in reading them, each beginning with the origin."""

    labels: tuple[str, ...]
    notes: tuple[str, ...] = ()


def read(path: Path) -> LabelList:
    """Reads a file. UserError if it can't be read, or is no label list."""
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise UserError(f"{path}: can't read the labels ({error}), expected {LIST}") from None
    return parse(data, str(path))


def parse(data: bytes, origin: str) -> LabelList:
    """Reads a file's content. origin: names it in messages."""
    content, notes = _decoded(data, origin)
    for beginning, what in OTHERS:
        if beginning.match(content):
            raise UserError(f"{origin}: this is {what}, expected {LIST}")
    listed = label_documents.find(content, origin)
    if listed is None:
        listed, remarks = label_numbers.taken_off(_lines(content, origin))
        notes += [f"{origin}: {remark}" for remark in remarks]
    labels = tuple(label.strip() for label in listed)
    if not labels:
        raise UserError(f"{origin}: it has no labels, expected {LIST}")
    try:
        cards.check_labels(labels)
    except cards.CardError as error:
        raise UserError(f"{origin}: {error}") from None
    if twice := sorted(label for label, count in Counter(labels).items() if count > 1):
        notes.append(f"{origin}: repeated labels: {text.some([repr(label) for label in twice])}")
    return LabelList(labels, tuple(notes))


def _decoded(data: bytes, origin: str) -> tuple[str, list[str]]:
    """Decodes UTF-8, or the encoding of a byte order mark, or (with a note) Windows-1252, a superset of Latin-1."""
    if len(data) > MAX_BYTES:
        raise UserError(f"{origin}: more than {MAX_BYTES} bytes, expected {LIST}")
    encoding = next((name for mark, name in MARKS if data.startswith(mark)), "utf-8")
    notes = []
    try:
        content = data.decode(encoding)
    except UnicodeDecodeError:
        try:
            content = data.decode("cp1252")
        except UnicodeDecodeError as error:
            raise UserError(f"{origin}: neither UTF-8 nor Windows-1252 ({error.reason}); save it as UTF-8") from None
        odd = next(line.strip() for line in LINE_ENDS.split(content) if not line.isascii())
        notes.append(f"{origin}: not UTF-8, read as Windows-1252: {odd[:60]!r}; if that is wrong, save it as UTF-8")
    if found := CONTROL.search(content):
        what = f"it contains the character 0x{ord(found[0]):02x}"
        raise UserError(f"{origin}: this is no text ({what}), expected {LIST}")
    return content.lstrip("\ufeff"), notes


def _lines(content: str, origin: str) -> list[str]:
    lines = [line.strip() for line in LINE_ENDS.split(content)]
    while lines and not lines[-1]:
        lines.pop()
    if not lines:
        raise UserError(f"{origin}: it has no labels, expected {LIST}")
    if "" in lines:
        line = f"{origin}: line {lines.index('') + 1}"
        raise UserError(f"{line} is empty, expected a label on every line; delete it, or write the label")
    return lines


def in_archive(path: Path) -> LabelList | None:
    """The list in the archive at a model file's end; None if there is none, or it is unknown which file it is."""
    entries = cards.read_archive(path)
    name = _which(flatbuffer.label_files(path), [name for name in entries if name.lower().endswith(".txt")], entries)
    if name is None:
        return None
    found = parse(entries[name], f"{path}: {name}")
    others = [other for other in entries if other != name and other.lower().endswith(".txt")]
    beside = f", not {text.some(others)} (--labels FILE takes another)" if others else ""
    return LabelList(found.labels, (f"{path}: labels from {name} inside it{beside}", *found.notes))


def _which(described: tuple[flatbuffer.LabelFile, ...], texts: list[str], entries: dict[str, bytes]) -> str | None:
    """By TFLite Metadata: the English list, else the one for all languages, else the first. Else the only text file.

    AutoML's pair has codes in probability-labels.txt and words in probability-labels-en.txt.
    """
    listed = [file for file in described if file.name in entries]
    if listed:
        return min(listed, key=lambda file: (file.locale[:2] != "en", bool(file.locale))).name
    if described:
        return None
    pairs = [name for name in texts if re.sub(r"-en(\.\w+)$", r"\1", name) in set(texts) - {name}]
    if len(texts) == 2 and pairs:
        return pairs[0]
    return texts[0] if len(texts) == 1 else None


def missing(path: Path) -> str:
    """The error for a file without labels, or with several candidates."""
    texts = [name for name in cards.read_archive(path) if name.lower().endswith(".txt")]
    if len(texts) > 1:
        return (
            f"{path}: which text file in its archive has the labels is unknown ({text.some(texts)}); unzip it and give"
            " the right one: --labels FILE"
        )
    return f"{path}: the file has no labels; give --labels FILE, one label per line in output order"
