"""Kinds of sources and outputs: what they declare of themselves, and what it takes to add one."""

import argparse
import json
import tomllib
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import get_args, get_type_hints

import numpy as np
import pytest

from device import declared
from device.declared import option
from device.errors import UserError
from device.live import live, outputs, sources
from device.live import options as live_options
from device.live.interfaces.frames import Frame, Source
from device.live.interfaces.output import Output, OutputOptions, Surroundings
from device.live.interfaces.results import FrameResult
from device.live.sources.options import SourceOptions
from tests.conftest import ROOT
from tests.device.classifying import INT8

EXTRAS = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]


@pytest.mark.parametrize("kind", outputs.KINDS, ids=lambda kind: kind.name)
def test_an_output_says_what_it_needs(kind: type[OutputOptions]) -> None:
    own = declared.options(kind)
    assert kind() == kind(), "each option has a default"
    assert kind.switch is None or kind.switch in own
    assert kind.extra is None or kind.extra in EXTRAS
    for secret in kind.secrets:
        assert secret.option.removeprefix("--").replace("-", "_") in own, "a file holds it, never the option itself"
        assert secret.variable.startswith("FRAMELITE_")


def test_an_option_belongs_to_one_output() -> None:
    assert max(Counter(name for kind in outputs.KINDS for name in declared.options(kind)).values()) == 1


def test_an_option_that_two_sources_declare_is_no_option() -> None:
    """It would have the type of one of them in the other."""

    @dataclass(frozen=True)
    class Looping(SourceOptions):
        loop: int = option(1, "how often")

    with pytest.raises(TypeError, match=r"Looping.loop: .*--loop"):
        declared.add_arguments(argparse.ArgumentParser(), *sources.KINDS, Looping)


def test_an_option_without_its_output_is_refused() -> None:
    values = {bool: True, float: 1.0, str: "x", Path: Path("x")}
    for kind in outputs.KINDS:
        types = get_type_hints(kind)
        for name in set(declared.options(kind)) - {kind.switch}:
            if kind.switch is not None:
                value = values[(*get_args(types[name]), types[name])[0]]
                with pytest.raises(UserError, match=f"{declared.spelled(name)} was given without"):
                    kind(**{name: value})


# One of each, as somebody would write them.


@dataclass(frozen=True)
class GrayOptions(SourceOptions):
    brightness: int = option(0, "how bright")

    shown = "gray"

    @classmethod
    def matches(cls, text: str) -> bool:
        return text == "gray"

    def source(self, target: tuple[int, int]) -> Source:
        return Gray(self.brightness)


class Gray(Source):
    name, is_live, newest_only = "gray", False, False

    def __init__(self, brightness: int) -> None:
        self._brightness, self._left = brightness, 3

    def read(self) -> Frame | None:
        self._left -= 1
        return Frame(np.full((30, 40, 3), self._brightness, np.uint8)) if self._left >= 0 else None


@dataclass(frozen=True)
class MeansOptions(OutputOptions):
    means: Path | None = option(None, "the mean of each frame, as JSON", metavar="FILE")

    name, title, switch = "means", "means", "means"

    def open(self, around: Surroundings) -> Output | None:
        return None if self.means is None else Means(self.means)


class Means(Output):
    def __init__(self, path: Path) -> None:
        self._path, self._means = path, list[float]()

    def show(self, result: FrameResult) -> None:
        self._means.append(float(result.frame.image.mean()))

    def close(self) -> None:
        self._path.write_text(json.dumps(self._means))


def test_a_kind_is_added_by_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The line for each is put in its place here."""
    monkeypatch.setattr(sources, "KINDS", (*sources.KINDS, GrayOptions))
    monkeypatch.setattr(outputs, "KINDS", (*outputs.KINDS, MeansOptions))
    parser = argparse.ArgumentParser()
    live_options.add(parser)
    words = ["--source", "gray", "--brightness", "7", "--means", str(tmp_path / "means"), "--threads", "1"]
    assert live.run(live_options.request(parser.parse_args([str(INT8), *words, "--headless"]))) == 0
    assert json.loads((tmp_path / "means").read_text()) == [7.0] * 3
