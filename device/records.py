"""Dataclasses from JSON objects, every field checked against its type, and back: for cards and our documents.

Fields of a later version with the same schema are ignored, in cards and in documents of ours ("schema": its version,
then the fields). A document may also lack fields that have a default; a card may not, because nothing in it is guessed.
"""

import json
import math
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import MISSING, Field, dataclass, fields, is_dataclass
from functools import cache
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from device import files
from device.errors import UserError

T = TypeVar("T")

# Metadata of fields. IF_KNOWN: not written if None. NAME: the JSON key, if it is a keyword of Python.
IF_KNOWN = {"if_known": True}
NAME = "name"


@dataclass(frozen=True)
class Tolerance:
    """unknown: fields that the record doesn't have are ignored. missing: fields with a default may be absent."""

    unknown: bool
    missing: bool


EXACT, COMPLETE, LENIENT = Tolerance(False, False), Tolerance(True, False), Tolerance(True, True)


@dataclass(frozen=True)
class Limit:
    """A condition on a value: `Annotated[float, Limit("a number from 0", lambda value: value >= 0)]`."""

    expected: str
    holds: Callable[[Any], bool]


class RecordError(ValueError):
    """A document that breaks its own rules. Whoever knows the file turns it into a UserError with the file's name."""


def read(kind: type[T], path: Path, schema: int, todo: str) -> T:
    """Reads a document of ours from its file. Raises OSError if it can't be read, and what `parse` raises."""
    return parse(kind, path.read_bytes(), str(path), schema, todo)


def parse(kind: type[T], text: str | bytes, name: str, schema: int, todo: str) -> T:
    """Reads a document of ours. name: names it in messages.

    Raises ValueError if it isn't JSON, RecordError with the first wrong field if it is another kind of document, and
    UserError, ending in `todo`, if it has another version. A document without a version has version 1.
    """
    try:
        document = json.loads(text)
    except RecursionError:
        raise ValueError("nested too deeply") from None
    version = document.get("schema", 1) if isinstance(document, dict) else schema
    if version != schema:
        raise UserError(f"{name}: it has schema {version!r:.60}, this version reads {schema}; {todo}")
    return record(kind, document, "", tolerance=LENIENT)


def require(kind: type[T], text: str | bytes, name: str, schema: int, todo: str, expected: str) -> T:
    """Like `parse`, for a document that the user names: UserError for whatever is none. expected: what makes one."""
    try:
        return parse(kind, text, name, schema, todo)
    except RecordError as error:
        raise UserError(f"{name}: {error}; {todo}") from None
    except ValueError:
        raise UserError(f"{name}: this is not JSON; {expected}") from None


def read_marked(kind: type[T], path: Path, mark: str, schema: int, todo: str) -> T:
    """Reads a document that a field of its own marks: {MARK: version, …}. UserError, ending in `todo`, for another."""
    if not path.is_file():
        raise UserError(f"{path}: there is no such {mark}; {todo}")
    try:
        document = json.loads(path.read_bytes())
    except (ValueError, RecursionError):
        document = None
    if not isinstance(document, dict) or mark not in document:
        raise UserError(f"{path}: this is not a {mark}; {todo}")
    if document[mark] != schema:
        raise UserError(f"{path}: the {mark} has version {document[mark]!s:.60}, expected {schema}; {todo}")
    try:
        return record(kind, document, "", tolerance=LENIENT)
    except RecordError as error:
        raise UserError(f"{path}: {error}; {todo}") from None


def write(path: Path, document: object, schema: int) -> None:
    """Writes what `read` reads: {"schema": …} and the fields of a dataclass, in order."""
    files.write_json(path, {"schema": schema, **to_json(document)})


def to_json(value: Any) -> Any:
    """A dataclass as a JSON object, recursively; other values unchanged."""
    if is_dataclass(value):
        pairs = ((each, getattr(value, each.name)) for each in fields(value))
        return {_name(each): to_json(part) for each, part in pairs if _is_written(each, part)}
    if isinstance(value, tuple):
        return [to_json(item) if is_dataclass(item) else item for item in value]
    if isinstance(value, Mapping):
        return {key: to_json(item) for key, item in value.items()}
    return value


def _name(each: "Field[Any]") -> str:
    return str(each.metadata.get(NAME, each.name))


def _is_written(each: "Field[Any]", value: Any) -> bool:
    return not (value is None and each.metadata.get("if_known"))


def record(kind: type[T], document: Any, where: str, tolerance: Tolerance = EXACT) -> T:
    """Builds a dataclass from a JSON object; RecordError for a field that is missing, unknown or of a wrong type.

    tolerance: which of these it accepts. where: names the object in messages; "" for the whole document.
    """
    if not isinstance(document, dict):
        raise RecordError(f"{where or 'it'} is {document!r:.60}, expected an object")
    known = {_name(each): each for each in fields(kind)}  # type: ignore[arg-type]
    if missing := sorted(_needed(kind, tolerance) - set(document)):
        raise RecordError(f"{where or 'it'} lacks the field {missing[0]!r}")
    if not tolerance.unknown and (unknown := sorted(set(document) - set(known))):
        raise RecordError(f"{where or 'it'} has an unknown field {unknown[0]!r}")
    types = _types(kind)  # type: ignore[arg-type]
    places = {name: f"{where}.{name}" if where else name for name in known}
    return kind(
        **{
            each.name: _value(types[each.name], document[name], places[name], tolerance)
            for name, each in known.items()
            if name in document
        }
    )


def _needed(kind: Any, tolerance: Tolerance) -> set[str]:
    return {_name(each) for each in fields(kind) if not (tolerance.missing and _has_default(each))}


def _has_default(each: "Field[Any]") -> bool:
    return each.default is not MISSING or each.default_factory is not MISSING


@cache
def _types(kind: Any) -> dict[str, Any]:
    return get_type_hints(kind, include_extras=True)


def _value(hint: Any, value: Any, where: str, tolerance: Tolerance) -> Any:
    """The JSON value as the field's type, or a RecordError that names the field."""
    kind, parts = get_origin(hint), get_args(hint)
    if kind is Annotated:
        return _limited(parts[0], parts[1], value, where, tolerance)
    if kind in (UnionType, Union):
        return _of_union(parts, value, where, tolerance)
    if kind is Literal:
        if value not in parts:
            raise RecordError(f"{where} is {value!r:.60}, expected one of {', '.join(parts)}")
        return value
    if kind is tuple:
        return _items(parts, value, where, tolerance)
    if isinstance(hint, type) and is_dataclass(hint):
        return record(hint, value, where, tolerance)
    if hint is Any:
        return value
    if kind is not None:  # Mapping
        return _entries(parts[1], value, where, tolerance)
    accepted = (int, float) if hint is float else hint
    if not isinstance(value, accepted) or isinstance(value, bool) is not (hint is bool):
        raise RecordError(f"{where} is {value!r:.60}, expected {hint.__name__}")
    return _finite(value, where) if hint is float else value


def _limited(hint: Any, limit: Limit, value: Any, where: str, tolerance: Tolerance) -> Any:
    """A value of another type gets the limit's message too."""
    try:
        found = _value(hint, value, where, tolerance)
    except RecordError:
        found = None
    if found is None or not limit.holds(found):
        raise RecordError(f"{where} is {value!r:.60}, expected {limit.expected}")
    return found


def _of_union(hints: tuple[Any, ...], value: Any, where: str, tolerance: Tolerance) -> Any:
    """None if allowed; an object as the first dataclass whose required fields it has; a list as a tuple."""
    if value is None and type(None) in hints:
        return None
    kinds = [hint for hint in hints if hint is not type(None)]
    if len(kinds) > 1 and all(map(is_dataclass, kinds)) and isinstance(value, dict):
        return record(_fitting(kinds, value, where, tolerance), value, where, tolerance)
    kinds = [kind for kind in kinds if (get_origin(kind) is tuple) is isinstance(value, list)] or kinds
    for kind in kinds[:-1]:
        with suppress(RecordError):
            return _value(kind, value, where, tolerance)
    return _value(kinds[-1], value, where, tolerance)


def _fitting(kinds: Sequence[Any], document: dict[str, Any], where: str, tolerance: Tolerance) -> Any:
    needed = [_needed(kind, tolerance) for kind in kinds]
    for kind, names in zip(kinds, needed, strict=True):
        if names <= set(document):
            return kind
    expected = " or ".join(", ".join(sorted(names)) for names in needed)
    raise RecordError(f"{where} has the fields {', '.join(document)!r:.60}, expected {expected}")


def _items(hints: tuple[Any, ...], value: Any, where: str, tolerance: Tolerance) -> tuple[Any, ...]:
    """A list as a tuple, of exactly as many items as there are types unless the last is `...`."""
    if not isinstance(value, list) or (hints[-1] is not Ellipsis and len(value) != len(hints)):
        count = "" if hints[-1] is Ellipsis else f" of {len(hints)}"
        raise RecordError(f"{where} is {value!r:.60}, expected a list{count}")
    if hints[0] in (int, str) and set(map(type, value)) <= {hints[0]}:  # a million labels and hashes
        return tuple(value)
    return tuple(_value(hints[0], item, f"{where}[{i}]", tolerance) for i, item in enumerate(value))


def _entries(hint: Any, value: Any, where: str, tolerance: Tolerance) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise RecordError(f"{where} is {value!r:.60}, expected dict")
    return {key: _value(hint, item, f"{where}.{key}", tolerance) for key, item in value.items()}


def _finite(value: float, where: str) -> float:
    """Refuses NaN, Infinity and integers too large for a float, which Python's JSON reader accepts."""
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise RecordError(f"{where} is {value!r:.60}, expected a finite number")
    return number
