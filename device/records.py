"""A dataclass from a JSON object, each field checked against its type: how a card is read."""

import math
from dataclasses import fields
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints


class CardError(ValueError):
    """A card that breaks its own rules. Becomes a UserError with the file's name where the file is known."""


def record(kind: type, document: Any, where: str) -> object:
    """Builds a dataclass from a JSON object with exactly its fields."""
    if not isinstance(document, dict):
        raise CardError(f"{where} is {document!r:.60}, expected an object")
    names = {field.name for field in fields(kind)}
    if missing := sorted(names - set(document)):
        raise CardError(f"{where} lacks the field {missing[0]!r}")
    if unknown := sorted(set(document) - names):
        raise CardError(f"{where} has an unknown field {unknown[0]!r}")
    hints = get_type_hints(kind)
    return kind(**{name: _value(hints[name], document[name], f"{where}.{name}") for name in names})


def _value(hint: Any, value: Any, where: str) -> Any:
    """A JSON value as the field's type says, or a CardError that names the field."""
    kind = get_origin(hint)
    if kind in (UnionType, Union):
        first, other = get_args(hint)
        if other is type(None):
            return None if value is None else _value(first, value, where)
        return _value(other if isinstance(value, list) else first, value, where)
    if kind is Literal:
        if value not in get_args(hint):
            raise CardError(f"{where} is {value!r:.60}, expected one of {', '.join(get_args(hint))}")
        return value
    if kind is tuple:
        items = get_args(hint)
        if not isinstance(value, list) or (items[-1] is not Ellipsis and len(value) != len(items)):
            count = "" if items[-1] is Ellipsis else f" of {len(items)}"
            raise CardError(f"{where} is {value!r:.60}, expected a list{count}")
        return tuple(_value(items[0], item, f"{where}[{i}]") for i, item in enumerate(value))
    if isinstance(hint, type) and hasattr(hint, "__dataclass_fields__"):
        return record(hint, value, where)
    if hint is Any:
        return value
    if kind is not None:  # Mapping
        hint = dict
    accepted = (int, float) if hint is float else hint
    if not isinstance(value, accepted) or isinstance(value, bool):
        raise CardError(f"{where} is {value!r:.60}, expected {hint.__name__}")
    return _finite(value, where) if hint is float else value


def _finite(value: float, where: str) -> float:
    """JSON's readers take NaN, Infinity and whole numbers of any length; none of them is a measure of anything."""
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise CardError(f"{where} is {value!r:.60}, expected a finite number")
    return number
