"""Label lists as JSON, as a Python literal, and as the YAML of Ultralytics' data files.

    ["cat", "dog"]    {"0": "cat", "1": "dog"}    {"cat": 0, "dog": 1}    {"0": ["n02123045", "tabby"], …}
    {"labels": […]}   {"id2label": {…}}           names: [cat, dog]       names:\n  0: cat\n  1: dog

A list is in output order; a mapping names every place 0..n-1 once. Any other document is refused, never read as one
label per line.
"""

import ast
import json
import re
from typing import Any

from device.errors import UserError

# The keys of labels in documents of Teachable Machine, Hugging Face, Ultralytics and others.
KEYS = ("labels", "names", "classes", "class_names", "id2label")
HEADED = re.compile(rf"^({'|'.join(KEYS)})[ \t]*:(?!\S)[ \t]*(.*)$", re.MULTILINE)
ITEM = re.compile(r"\s*(?:-|([0-9]+)\s*:)\s+(\S.*)")
SCALAR = re.compile(r"""\s*(?:'((?:[^']|'')*)'|"((?:[^"\\]|\\.)*)"|([^'"\s,\[\]{}#][^,\[\]{}]*))\s*""")
EXPECTED = "expected a list of labels, or one label for each of the places 0..n-1"


class _NoListError(ValueError):
    """Why a document is no label list."""


def find(content: str, origin: str) -> list[str] | None:
    """The labels in a document; None if the text is no document. UserError for a document without labels."""
    try:
        if content.lstrip()[:1] in ("{", "["):
            return _labels(_literal(content))
        if found := HEADED.search(content):
            return _of_yaml(found[2], content[found.end() :])
        if lines := [line for line in content.splitlines() if line.strip() not in ("", "---")]:
            return [_scalar(line[1:]) for line in lines] if all(re.match(r"-\s", line) for line in lines) else None
    except _NoListError as error:
        raise UserError(f"{origin}: {error}; {EXPECTED}; or give a text file with one label per line") from None
    return None


def _literal(content: str) -> Any:
    """JSON, or a Python literal (as the well-known list of ImageNet's classes)."""
    try:
        return json.loads(content, object_pairs_hook=_once)
    except (ValueError, RecursionError) as error:
        if isinstance(error, _NoListError):
            raise
    try:
        return ast.literal_eval(content.strip())
    except (ValueError, SyntaxError, RecursionError, MemoryError, TypeError):
        raise _NoListError(f"it begins with {content.lstrip()[0]!r} but is no JSON") from None


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Refuses a repeated key, of which json would keep the last."""
    document = dict(pairs)
    if len(document) < len(pairs):
        keys = [key for key, _ in pairs]
        raise _NoListError(f"it has the key {next(key for key in keys if keys.count(key) > 1)!r} twice")
    return document


def _labels(document: Any) -> list[str]:
    if isinstance(document, dict):
        held = [key for key in KEYS if isinstance(document.get(key), (list, dict))]
        if len(held) > 1:
            raise _NoListError(f"it has {held[0]!r} and {held[1]!r}")
        return _labels(document[held[0]]) if held else _in_places(_places(document))
    if not isinstance(document, list):
        raise _NoListError(f"it is {document!r:.40}")
    return [_name(item) for item in document]


def _places(document: dict[Any, Any]) -> dict[int, str]:
    """Reads {place: name} or {name: place}."""
    if all(_is_place(key) for key in document):
        return {int(key): _name(item) for key, item in document.items()}
    if all(isinstance(item, int) and not isinstance(item, bool) for item in document.values()):
        places = {item: str(key) for key, item in document.items()}
        if len(places) == len(document):
            return places
    raise _NoListError(f"it maps {next(iter(document))!r:.40} to {next(iter(document.values()))!r:.40}")


def _is_place(key: Any) -> bool:
    return isinstance(key, int) or (isinstance(key, str) and re.fullmatch(r"[0-9]{1,6}", key) is not None)


def _in_places(places: dict[int, str]) -> list[str]:
    if sorted(places) != list(range(len(places))):
        raise _NoListError(f"its places are {', '.join(map(str, sorted(places)[:5]))} …, not 0..{len(places) - 1}")
    return [places[place] for place in range(len(places))]


def _name(item: Any) -> str:
    """A label; the name in Keras' ImageNet list of [WordNet number, name]."""
    if isinstance(item, list) and len(item) == 2 and re.fullmatch(r"n[0-9]{8}", str(item[0])):
        item = item[1]
    if not isinstance(item, str):
        raise _NoListError(f"a label in it is {item!r:.40}")
    return item


def _of_yaml(beside: str, after: str) -> list[str]:
    """The list or mapping after a key, or indented below it."""
    beside = re.sub(r"(^|\s)#.*", "", beside)
    if beside.startswith("["):
        return _in_brackets(beside + after)
    if beside.strip():
        raise _NoListError(f"it has {beside.strip()!r:.40} in place of the labels")
    names: list[str] = []
    places: list[int] = []
    for line in after.splitlines():
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        if not line[0].isspace() and not line.startswith("- "):
            break
        found = ITEM.fullmatch(line)
        if not found:
            raise _NoListError(f"a line among the labels is {line.strip()!r:.40}")
        names.append(_scalar(found[2]))
        places += [int(found[1])] if found[1] else []
    if not names or len(places) not in (0, len(names)) or len(set(places)) < len(places):
        raise _NoListError("the lines below the key are neither only names nor a place for every name")
    return _in_places(dict(zip(places, names, strict=True))) if places else names


def _in_brackets(content: str) -> list[str]:
    names, place = [], 1
    while place < len(content) and (found := SCALAR.match(content, place)):
        names.append(_scalar(found[0]))
        place = found.end()
        if content[place : place + 1] == "]":
            return names
        if content[place : place + 1] != ",":
            break
        place += 1
    raise _NoListError("its list in brackets isn't closed, or contains more than names")


def _scalar(written: str) -> str:
    """A YAML scalar, without its quotes or the comment after it."""
    written = written.strip()
    found = SCALAR.fullmatch(written)
    if found and found[1] is not None:
        return found[1].replace("''", "'")
    if found and found[2] is not None:
        try:
            return str(json.loads(f'"{found[2]}"'))
        except ValueError:
            raise _NoListError(f"a label in it is {written!r:.40}") from None
    if written[:1] in tuple("[{&*!|>%@`\"'"):
        raise _NoListError(f"a label in it is {written!r:.40}")
    return re.sub(r"\s+#.*", "", written)
