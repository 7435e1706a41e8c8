"""The fields of a recipe, declared as options (device/declared.py): usual limits, flat names, and texts for --set.

Imports nothing heavy, so that wrong options fail before numpy loads.
"""

from collections.abc import Callable
from dataclasses import Field, fields
from typing import Any, Literal, get_origin, get_type_hints

from device import declared
from device.declared import KEY, Limits
from device.errors import UserError

SHARE = Limits(0, 1, words="a share from 0 to 1")
BELOW_ONE = Limits(0, 1, below=True)
BETWEEN = Limits(0, 1, above=True, below=True, words="a share between 0 and 1")
POSITIVE = Limits(0, above=True, words="a number above 0")


def flat_name(each: "Field[Any]") -> str:
    """The field's name among all fields of a recipe, for --set and run.json."""
    return each.metadata[KEY].name or each.name


def require(record: Any, field_name: str, good: bool, expected: str) -> None:
    """Raises UserError with the field's value and what was expected, unless `good`."""
    if not good:
        (each,) = (each for each in fields(record) if each.name == field_name)
        value = declared.text(getattr(record, field_name), get_type_hints(type(record))[field_name])
        raise UserError(f"{flat_name(each)} is {value}, expected {expected}")


def check(record: Any) -> None:
    """Raises UserError for the first invalid value, or for a range whose higher end comes first."""
    declared.check(record, flat_name)
    for name, hint in get_type_hints(type(record)).items():
        if hint == tuple[float, float]:
            low, high = getattr(record, name)
            require(record, name, low <= high, "the lower factor first")


def size_text(size: tuple[int, int]) -> str:
    return declared.text(size, tuple[int, int])


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
    """Reads "HxW" or "N" (a square) as (height, width); ValueError for anything else."""
    height, x, width = value.partition("x")
    return int(height), int(width if x else height)


def _integers(value: str) -> tuple[int, ...]:
    return tuple(int(number) for number in value.split("-")) if value else ()


def _range(value: str) -> tuple[float, float]:
    """Reads "LOW,HIGH", or "R" for 1-R to 1+R, as Keras' zoom_range does."""
    low, comma, high = value.partition(",")
    return (float(low), float(high)) if comma else (1 - float(low), 1 + float(low))


READERS: dict[Any, tuple[Callable[[str], Any], str]] = {
    bool: (lambda value: {"true": True, "false": False, "1": True, "0": False}[value.lower()], declared.WORDS[bool]),
    int: (int, declared.WORDS[int]),
    float: (float, declared.WORDS[float]),
    tuple[int, int]: (parse_size, "HxW, such as 28x28"),
    tuple[int, ...]: (_integers, "whole numbers with - between them, such as 32-64-128"),
    tuple[float, float]: (_range, "LOW,HIGH such as 0.8,1.2, or one number R for 1-R to 1+R"),
}
