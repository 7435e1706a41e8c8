"""The command `compare`: its two sides, and its output."""

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from device import command, files
from device.commands import options
from device.errors import UserError

if TYPE_CHECKING:
    from benchmarks.gate.pairs import Side

SECONDS = 20.0


def add_compare(compare: argparse.ArgumentParser) -> None:
    compare.add_argument("models", nargs="+", metavar="MODEL", help="A and B: files, or REF:PATH; one for both sides")
    compare.add_argument("--threads", default="1", metavar="N[,N]", help="of A and of B (default 1)")
    compare.add_argument("--runtime", default="", metavar="R[,R]", help="of A and of B")
    compare.add_argument("--python", default="", metavar="P[,P]", help="the Pythons of A's and B's environments")
    options.add_size(compare)
    compare.add_argument("--seconds", type=float, default=SECONDS, metavar="S", help=f"default {SECONDS:g}")
    compare.add_argument("--json", metavar="FILE|-", help="the result; - for stdout")


def compare(given: argparse.Namespace) -> int:
    if len(given.models) > 2:
        raise UserError(f"{len(given.models)} models, expected one or two")
    options.check_seconds("--seconds", given.seconds)
    files.check_target(given.json, "--json")
    from benchmarks.compare import compare as comparisons
    from benchmarks.documents import results
    from benchmarks.gate import committed

    with tempfile.TemporaryDirectory(prefix="framelite-") as folder:
        a, b = sides(given, Path(folder))
        with committed.called(a.path, given.models[0]), committed.called(b.path, given.models[-1]):
            found = comparisons.measure(a, b, given.seconds)
    names = _names(given.models, a, b)
    document = results.of([], found.interrupted)
    results.deliver(document, comparisons.lines(found, *names), given.json, comparison=found.row(*names))
    if found.interrupted:
        raise KeyboardInterrupt
    return command.GOOD


def sides(given: argparse.Namespace, folder: Path) -> tuple["Side", "Side"]:
    """The two sides; a single value applies to both. UserError for a missing or invalid model."""
    from benchmarks.documents import models
    from benchmarks.gate import committed
    from benchmarks.gate.pairs import Side
    from device.inference import runtime
    from device.model import model_kinds

    count = options.whole_number(1, options.MAX_THREADS)
    both = []
    settings = zip(
        _two(given.models, "models"),
        _two(given.threads.split(","), "--threads"),
        _two(given.runtime.split(","), "--runtime"),
        _two(given.python.split(","), "--python"),
        ("a", "b"),
        strict=True,
    )
    for name, threads, engine, python, place in settings:
        (folder / place).mkdir()
        path = committed.take(name, folder / place) if committed.is_committed(name) else Path(name)
        with committed.called(path, name):
            model_kinds.require_tflite(path)
            (model,) = models.find_whole([path])
        if engine and engine not in runtime.RUNTIMES:
            raise UserError(f"unknown runtime {engine!r}, expected one of {', '.join(runtime.RUNTIMES)}")
        try:
            both.append(Side(path, count(threads), engine or None, python or sys.executable, model.size(given.size)))
        except argparse.ArgumentTypeError as error:
            raise UserError(f"--threads: {error}") from None
    return both[0], both[1]


def _two(values: Sequence[str], what: str) -> Sequence[str]:
    if len(values) > 2:
        raise UserError(f"{what}: {len(values)} values, expected one for both sides, or two")
    return values if len(values) == 2 else [*values, *values]


def _names(models: Sequence[str], a: "Side", b: "Side") -> list[str]:
    """Names that distinguish the two sides."""
    names = []
    for name, side in zip(_two(models, "models"), (a, b), strict=True):
        python = side.python if a.python != b.python else ""
        words = [side.runtime if a.runtime != b.runtime else "", python]
        words.append(f"{side.threads} threads" if a.threads != b.threads else "")
        details = ", ".join(word for word in words if word)
        names.append(f"{name} ({details})" if details else name)
    return names
