"""A field of a recipe: its default, limits and help stand beside it, and its value is checked and read by its type.

Imports nothing heavy: a wrong option is answered before numpy is loaded.
"""

import math
import sys
from collections.abc import Callable
from dataclasses import MISSING, Field, dataclass, field, fields
from typing import Any, Literal, get_args, get_origin, get_type_hints

from device.errors import UserError

SEPARATORS: dict[Any, str] = {tuple[int, int]: "x", tuple[int, ...]: "-", tuple[float, float]: ","}


@dataclass(frozen=True)
class FieldLimits:
    """The least and the most that a number may be, and what is expected, in words."""

    least: float
    most: float
    expected: str


def at_least(least: int) -> FieldLimits:
    return FieldLimits(least, sys.float_info.max, f"at least {least}")


SHARE = FieldLimits(0, 1, "a share from 0 to 1")
BELOW_ONE = FieldLimits(0, math.nextafter(1, 0), "at least 0 and less than 1")
BETWEEN = FieldLimits(math.nextafter(0, 1), math.nextafter(1, 0), "a share between 0 and 1")
POSITIVE = FieldLimits(math.nextafter(0, 1), sys.float_info.max, "a number above 0")


def setting(help: str, default: Any = MISSING, limits: FieldLimits | None = None, name: str = "") -> Any:
    """A field of a record. name: its flat name, where a record's own field reads better with another."""
    return field(default=default, metadata={"help": help, "limits": limits, "name": name})


def flat_name(each: "Field[Any]") -> str:
    return each.metadata.get("name") or each.name


def field_types(kind: Any) -> dict[str, Any]:
    return get_type_hints(kind)


def require(record: Any, field_name: str, good: bool, wanted: str) -> None:
    """UserError with what a field of the record is and what was expected, unless it is good."""
    if not good:
        (each,) = (each for each in fields(record) if each.name == field_name)
        value = text(getattr(record, field_name), field_types(type(record))[field_name])
        raise UserError(f"{flat_name(each)} is {value}, expected {wanted}")


def check(record: Any) -> None:
    """UserError for the first value beyond its field's limits or choices, or a range whose higher end comes first."""
    types = field_types(type(record))
    for each in fields(record):
        value, hint, limits = getattr(record, each.name), types[each.name], each.metadata["limits"]
        good = get_origin(hint) is not Literal or value in get_args(hint)
        if limits:
            numbers = value if isinstance(value, tuple) else (value,)
            good = all(limits.least <= number <= limits.most for number in numbers)
        require(record, each.name, good, expected(each, hint))
        if hint == tuple[float, float]:
            require(record, each.name, value[0] <= value[1], "the lower factor first")


def expected(each: "Field[Any]", hint: Any) -> str:
    """What a field takes, in words; empty where its type says it all."""
    if get_origin(hint) is Literal:
        return f"one of {', '.join(get_args(hint))}"
    limits: FieldLimits | None = each.metadata["limits"]
    return limits.expected if limits else ""


def text(value: Any, hint: Any) -> str:
    """A value as --set takes it; hint: the type of its field."""
    if hint in SEPARATORS and isinstance(value, tuple | list):
        return SEPARATORS[hint].join(map(_plain, value))
    return _plain(value)


def size_text(size: tuple[int, int]) -> str:
    return text(size, tuple[int, int])


def _plain(value: object) -> str:
    """A number in as few digits as say it whole."""
    if not isinstance(value, float):
        return str(value)
    short = f"{value:g}"
    return short if float(short) == value else repr(value)


def parse(value: str, hint: Any) -> Any:
    """A field's value from its text; ValueError says what was expected."""
    if get_origin(hint) is Literal or hint is str:
        return value
    read, expected = READERS[hint]
    try:
        return read(value)
    except (KeyError, ValueError):
        raise ValueError(expected) from None


def parse_size(value: str) -> tuple[int, int]:
    """Reads "HxW" or "N" (a square) -> (height, width); ValueError for anything else."""
    height, x, width = value.partition("x")
    return int(height), int(width if x else height)


def _numbers(value: str) -> tuple[int, ...]:
    return tuple(int(number) for number in value.split("-")) if value else ()


def _range(value: str) -> tuple[float, float]:
    """Reads "LOW,HIGH", or "R" for 1-R to 1+R, as Keras' zoom_range does."""
    low, comma, high = value.partition(",")
    return (float(low), float(high)) if comma else (1 - float(low), 1 + float(low))


READERS: dict[Any, tuple[Callable[[str], Any], str]] = {
    bool: (lambda value: {"true": True, "false": False, "1": True, "0": False}[value.lower()], "true or false"),
    int: (int, "a whole number"),
    float: (float, "a number"),
    tuple[int, int]: (parse_size, "HxW, such as 28x28"),
    tuple[int, ...]: (_numbers, "whole numbers with - between them, such as 32-64-128"),
    tuple[float, float]: (_range, "LOW,HIGH such as 0.8,1.2, or one number R for 1-R to 1+R"),
}
