"""Frozen dataclasses whose fields declare options: name, type, default, help and limits in one place.

    @dataclass(frozen=True)
    class JsonlOptions:
        jsonl: str | None = option(None, "append a line of JSON per result to FILE", metavar="FILE|-")
        jsonl_every: float | None = option(None, "a line every so many seconds", limits=Limits(0, 3600, above=True))

`add_arguments` adds them to argparse, `given` reads what was set, `check` checks a record's values, whoever made it.
A recipe's fields are declared in the same way (train/recipes/fields.py).
"""

import argparse
from collections.abc import Callable, Mapping
from dataclasses import Field, dataclass, field, fields
from math import inf
from numbers import Integral, Real
from pathlib import Path
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from device.errors import UserError

KEY = "option"
SEPARATORS: dict[Any, str] = {tuple[int, int]: "x", tuple[int, ...]: "-", tuple[float, float]: ","}
WORDS: dict[Any, str] = {int: "a whole number", float: "a number", Path: "a path", bool: "true or false", str: "text"}


@dataclass(frozen=True)
class Limits:
    """A range of finite numbers. above, below: exclude `least`, `most`. words: for messages, in place of the bounds."""

    least: float = -inf
    most: float = inf
    above: bool = False
    below: bool = False
    words: str = ""

    def hold(self, value: float) -> bool:
        """False also for NaN and infinity."""
        reaches = self.least < value if self.above else self.least <= value
        stays = value < self.most if self.below else value <= self.most
        return reaches and stays and -inf < value < inf

    def __str__(self) -> str:
        parts = []
        if self.least > -inf:
            parts.append(f"{'more than' if self.above else 'at least'} {self.least:.15g}")
        if self.most < inf:
            parts.append(f"{'less than' if self.below else 'at most'} {self.most:.15g}")
        return self.words or " and ".join(parts) or "a number"


@dataclass(frozen=True)
class Option:
    """What a field declares besides its name, type and default.

    parse: makes the value from its text, or raises ValueError; default: the field's type. bare: the value of the option
    given alone. words: how many words the option takes. name: another name than the field's, for `--set`. A field that
    is a tuple is filled by repeating the option, unless it has `parse`.
    """

    help: str
    limits: Limits | None = None
    metavar: str | tuple[str, ...] | None = None
    parse: Callable[[str], object] | None = None
    bare: str | None = None
    words: int | None = None
    name: str = ""


def option(
    default: Any,
    help: str,
    *,
    limits: Limits | None = None,
    metavar: str | tuple[str, ...] | None = None,
    parse: Callable[[str], object] | None = None,
    bare: str | None = None,
    words: int | None = None,
    name: str = "",
) -> Any:
    """A dataclass field that is an option. default: MISSING for a required field; the others are Option's."""
    return field(default=default, metadata={KEY: Option(help, limits, metavar, parse, bare, words, name)})


def options(kind: type) -> dict[str, Option]:
    """The options that a dataclass declares or inherits, by field name, in order."""
    return {each.name: each.metadata[KEY] for each in fields(kind) if KEY in each.metadata}


def spelled(name: str) -> str:
    """The field `jsonl_every` on the command line: `--jsonl-every`."""
    return f"--{name.replace('_', '-')}"


def check(record: Any, name_of: Callable[["Field[Any]"], str] = lambda each: spelled(each.name)) -> None:
    """Raises UserError for the first value of a wrong type, or outside its limits; for `__post_init__`.

    name_of: the field's name in messages.
    """
    types = get_type_hints(type(record))
    for each in fields(record):
        if KEY not in each.metadata:
            continue
        value, hint, limits = getattr(record, each.name), types[each.name], each.metadata[KEY].limits
        if not _is_a(value, hint):
            raise UserError(f"{name_of(each)} is {text(value, hint)}, expected {_words(hint)}")
        if limits and value is not None and not all(map(limits.hold, value if isinstance(value, tuple) else (value,))):
            raise UserError(f"{name_of(each)} is {text(value, hint)}, expected {limits}")


def expected(each: "Field[Any]", hint: Any) -> str:
    """What an option takes, in words; empty if its type says it all."""
    limits: Limits | None = each.metadata[KEY].limits
    return _words(hint) if get_origin(hint) is Literal else str(limits or "")


def text(value: Any, hint: Any) -> str:
    """A value as an option or `--set` takes it; hint: the type of its field."""
    hint = _base(hint)
    if hint in SEPARATORS and isinstance(value, tuple | list):
        return SEPARATORS[hint].join(map(_number, value))
    return _number(value)


def _number(value: object) -> str:
    """A number in as few digits as represent it exactly; anything else as str."""
    if not isinstance(value, float):
        return str(value)
    short = f"{value:g}"
    return short if float(short) == value else repr(value)


def _is_a(value: object, hint: Any) -> bool:
    """Whether a value has an annotated type; an integer is a float too, a bool is no number."""
    kind, parts = get_origin(hint), get_args(hint)
    if kind in (Union, UnionType):
        return any(_is_a(value, part) for part in parts)
    if kind is Literal:
        return value in parts
    if kind in (tuple, list):
        if not isinstance(value, kind):
            return False
        each = parts if kind is tuple and parts[-1] is not Ellipsis else parts[:1] * len(value)
        return len(value) == len(each) and all(map(_is_a, value, each))
    numeric = {int: Integral, float: Real}.get(hint, hint)
    return isinstance(value, numeric) and isinstance(value, bool) is (hint is bool)


def _words(hint: Any) -> str:
    """A type in words, for messages."""
    base = _base(hint)
    if get_origin(base) is Literal:
        return f"one of {', '.join(get_args(base))}"
    return WORDS.get(base, str(base))


def add_arguments(parser: "argparse._ActionsContainer", *kinds: type) -> None:
    """Adds an option for each field that declares one; a field that several dataclasses inherit is one option.

    An option that isn't given is None, so that the defaults stay the fields'. `check` applies the limits, also for
    programs. TypeError if two dataclasses declare the same option independently.
    """
    added: dict[str, Option] = {}
    for kind in kinds:
        types = get_type_hints(kind)
        for name, declared in options(kind).items():
            if name not in added:
                parser.add_argument(
                    spelled(name), default=None, help=declared.help, **_arguments(declared, types[name])
                )
            elif added[name] is not declared:
                raise TypeError(
                    f"{kind.__name__}.{name}: another dataclass declares {spelled(name)}; choose another name"
                )
            added[name] = declared


def _arguments(declared: Option, annotated: Any) -> dict[str, Any]:
    """argparse's arguments for reading the option's words."""
    base = _base(annotated)
    if base is bool:
        return {"action": "store_true"}
    if get_origin(base) is Literal:
        return {"choices": get_args(base)}
    words: dict[str, Any] = {"metavar": declared.metavar}
    if get_origin(base) is tuple and declared.parse is None:
        return {**words, "action": "append", "nargs": declared.words}
    words["type"] = _parser(declared.parse or base)
    return words if declared.bare is None else {**words, "nargs": "?", "const": declared.bare}


def given(parsed: argparse.Namespace, *kinds: type) -> Mapping[str, Any]:
    """The given options of these dataclasses that differ from their defaults, by field name."""
    values = {}
    for each in (each for kind in kinds for each in fields(kind) if KEY in each.metadata):
        value = getattr(parsed, each.name)
        if value is not None and value != each.default:
            values[each.name] = tuple(value) if isinstance(value, list) else value
    return values


def _base(annotated: Any) -> Any:
    """`int` of `int | None`."""
    if get_origin(annotated) in (Union, UnionType):
        return next(each for each in get_args(annotated) if each is not type(None))
    return annotated


def _parser(parse: Callable[[str], object]) -> Callable[[str], object]:
    """argparse's `type`, with an error that says what was expected."""

    def from_text(text: str) -> object:
        try:
            return parse(text)
        except ValueError as error:
            words = WORDS.get(parse)
            raise argparse.ArgumentTypeError(f"{text} is not {words}" if words else str(error)) from None

    return from_text
