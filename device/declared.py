"""A frozen dataclass whose fields declare options: the name, the type, the default, the help and the limits, said once.

    @dataclass(frozen=True)
    class JsonlOptions:
        jsonl: str | None = option(None, "a line of JSON for each prediction", metavar="FILE|-")
        jsonl_every: float | None = option(None, "a line every so many seconds", limits=Limits(0, 3600, above=True))

`add_arguments` makes argparse's options of them, `given` reads what was set, `check` holds a record against its own
limits, whoever made it.
"""

import argparse
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from math import inf
from pathlib import Path
from types import UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

from device.errors import UserError

KEY = "option"


@dataclass(frozen=True)
class Limits:
    """A range of numbers. above: `least` itself is too small."""

    least: float = -inf
    most: float = inf
    above: bool = False

    def hold(self, value: float) -> bool:
        """Not for what is no number either."""
        return (self.least < value if self.above else self.least <= value) and value <= self.most

    def __str__(self) -> str:
        parts = []
        if self.least > -inf:
            parts.append(f"more than {self.least:.15g}" if self.above else f"at least {self.least:.15g}")
        if self.most < inf:
            parts.append(f"at most {self.most:.15g}")
        return " and ".join(parts) or "a number"


@dataclass(frozen=True)
class Option:
    """What a field says of itself beside its name, type and default.

    parse: makes the value from its text, ValueError where it can't; without it the field's type does. bare: the value
    of the option that is given alone. words: how many words belong to one; a field that is a tuple is filled by an
    option that is repeated.
    """

    help: str
    limits: Limits | None = None
    choices: tuple[str, ...] = ()
    metavar: str | tuple[str, ...] | None = None
    parse: Callable[[str], object] | None = None
    bare: str | None = None
    words: int | None = None


def option(
    default: Any,
    help: str,
    *,
    limits: Limits | None = None,
    choices: tuple[str, ...] = (),
    metavar: str | tuple[str, ...] | None = None,
    parse: Callable[[str], object] | None = None,
    bare: str | None = None,
    words: int | None = None,
) -> Any:
    """A dataclass field that is an option; the arguments are those of Option."""
    return field(default=default, metadata={KEY: Option(help, limits, choices, metavar, parse, bare, words)})


def options(kind: type) -> dict[str, Option]:
    """The options that a dataclass declares and inherits, by the fields' names, in their order."""
    return {each.name: each.metadata[KEY] for each in fields(kind) if KEY in each.metadata}


def spelled(name: str) -> str:
    """The field `jsonl_every` on the command line: `--jsonl-every`."""
    return f"--{name.replace('_', '-')}"


def check(record: Any) -> None:
    """UserError for the first value that breaks its limits or is none of its choices; for `__post_init__`."""
    for name, declared in options(type(record)).items():
        value = getattr(record, name)
        if value is None:
            continue
        if declared.limits and not declared.limits.hold(value):
            raise UserError(f"{spelled(name)} is {value:g}, expected {declared.limits}")
        if declared.choices and value not in declared.choices:
            raise UserError(f"{spelled(name)} is {value!r}, expected one of {', '.join(declared.choices)}")


def add_arguments(parser: "argparse._ActionsContainer", *kinds: type) -> None:
    """Adds an option for each field that declares one; a field that several dataclasses inherit is one option.

    What isn't given is None, so that defaults stay the fields'. Limits are left to `check`, which programs meet too.
    TypeError where two dataclasses declare an option each for themselves.
    """
    added: dict[str, Option] = {}
    for kind in kinds:
        types = get_type_hints(kind)
        for name, declared in options(kind).items():
            if name not in added:
                parser.add_argument(spelled(name), default=None, help=declared.help, **_words(declared, types[name]))
            elif added[name] is not declared:
                raise TypeError(
                    f"{kind.__name__}.{name}: another dataclass declares {spelled(name)}; choose another name"
                )
            added[name] = declared


def _words(declared: Option, annotated: Any) -> dict[str, Any]:
    """How argparse reads the option's words."""
    base = _base(annotated)
    if base is bool:
        return {"action": "store_true"}
    if declared.choices:
        return {"choices": declared.choices}
    words: dict[str, Any] = {"metavar": declared.metavar}
    if get_origin(base) is tuple and declared.parse is None:
        return {**words, "action": "append", "nargs": declared.words}
    words["type"] = _parser(declared.parse or base)
    return words if declared.bare is None else {**words, "nargs": "?", "const": declared.bare}


def given(parsed: argparse.Namespace, *kinds: type) -> Mapping[str, Any]:
    """Those options of the dataclasses that were given and are not the default anyway, by the fields' names."""
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
    """argparse's `type`, whose errors say what was expected."""

    def from_text(text: str) -> object:
        try:
            return parse(text)
        except ValueError as error:
            expected = {int: "a whole number", float: "a number", Path: "a path"}.get(parse)  # type: ignore[call-overload]
            raise argparse.ArgumentTypeError(f"{text} is not {expected}" if expected else str(error)) from None

    return from_text
