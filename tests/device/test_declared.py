"""Options that are declared by a dataclass's fields."""

import argparse
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pytest

from device import declared
from device.declared import Limits, option
from device.errors import UserError


def pair(text: str) -> tuple[int, int]:
    first, _, second = text.partition("x")
    if not second:
        raise ValueError(f"{text} is no pair")
    return int(first), int(second)


@dataclass(frozen=True)
class Base:
    place: str  # no option
    every_s: float | None = option(None, "how often", limits=Limits(0, 3600, above=True), metavar="SECONDS")

    def __post_init__(self) -> None:
        declared.check(self)


@dataclass(frozen=True)
class Kind(Base):
    count: int = option(5, "how many", limits=Limits(1, 1000))
    quality: Literal["auto", "full"] = option("full", "how well")
    is_loud: bool = option(False, "whether")
    shape: tuple[int, int] | None = option(None, "how large", parse=pair)
    rules: tuple[list[str], ...] = option((), "what for", metavar=("WHEN", "WHAT"), words=2)
    serve: str | None = option(None, "where", bare="here")
    folder: Path | None = option(None, "a folder")


def parsed(*words: str) -> Kind:
    parser = argparse.ArgumentParser(exit_on_error=False)
    declared.add_arguments(parser, Kind)
    return Kind(place="x", **declared.given(parser.parse_args(words), Kind))


def test_what_is_not_given_is_the_fields_default() -> None:
    assert parsed() == Kind("x")


def test_each_type_is_read() -> None:
    made = parsed(
        *("--every-s", "2.5", "--count", "7", "--quality", "auto", "--is-loud", "--shape", "3x4"),
        *("--rules", "a", "b", "--rules", "c", "d", "--serve", "--folder", "somewhere"),
    )
    assert made == Kind("x", 2.5, 7, "auto", True, (3, 4), (["a", "b"], ["c", "d"]), "here", Path("somewhere"))
    assert parsed("--serve", "there").serve == "there"


@pytest.mark.parametrize("words", [("--count", "many"), ("--shape", "3"), ("--quality", "none")])
def test_what_is_none_is_refused_with_the_option(words: tuple[str, str]) -> None:
    with pytest.raises(argparse.ArgumentError) as refused:
        parsed(*words)
    assert refused.value.argument_name == words[0] and words[1] in str(refused.value)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"every_s": 0.0}, "--every-s is 0, expected more than 0 and at most 3600"),
        ({"every_s": float("nan")}, "--every-s is nan, expected more than 0"),
        ({"every_s": 3601.0}, "--every-s is 3601, "),
        ({"count": 0}, "--count is 0, expected at least 1 and at most 1000"),
        ({"quality": "best"}, "--quality is best, expected one of auto, full"),
        ({"count": 2.5}, "--count is 2.5, expected a whole number"),
        ({"count": True}, "--count is True, expected a whole number"),
        ({"every_s": "1"}, "--every-s is 1, expected a number"),
        ({"is_loud": 1}, "--is-loud is 1, expected true or false"),
        ({"shape": (3, 4.5)}, "--shape is 3x4.5, expected "),
        ({"folder": "x"}, "--folder is x, expected a path"),
        ({"rules": (["a", 1],)}, "--rules is "),
    ],
)
def test_limits_hold_for_programs_too(values: dict[str, Any], expected: str) -> None:
    with pytest.raises(UserError, match=expected):
        Kind("x", **values)


def test_limits_hold_at_their_ends() -> None:
    assert [Limits(1, 3).hold(value) for value in (0.9, 1, 3, 3.1)] == [False, True, True, False]
    assert [Limits(0, above=True).hold(value) for value in (0, 1e-9, 1e9)] == [False, True, True]
    assert [Limits(0, 1, below=True).hold(value) for value in (0, 0.999, 1)] == [True, True, False]
    assert not any(Limits().hold(value) for value in (float("inf"), float("-inf"), float("nan")))
