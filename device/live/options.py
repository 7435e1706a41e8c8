"""The command line of `device live`. Imports nothing heavy, so wrong options fail at once."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from device import declared
from device.commands import options
from device.errors import UserError
from device.live import outputs, sources

if TYPE_CHECKING:
    from device.live.live import LiveRequest

MODEL = "a .tflite file (default: CIFAR-10's)"
SOURCE = f"{sources.SHOWN} (default {sources.DEFAULT})"
SOURCE_FILE = f"a file with the source, for an address with a password; else {sources.SECRET.variable}"
AUTO = "the file, threads and runtime that python -m benchmarks select found fastest on this board"
THREADS = "of the interpreter (default: the fastest number here, tried for a second and kept)"
SMOOTH = "average the scores of the last N frames; a label then changes only when another is clearly ahead"
THRESHOLD = "below this best score the label is 'unknown' (default: the card's, if any)"


def add(live: argparse.ArgumentParser) -> None:
    live.add_argument("model", type=options.file, nargs="?", metavar="MODEL", help=MODEL)
    live.add_argument("--auto", type=Path, metavar="RUN|FILE", help=AUTO)
    live.add_argument("--source", metavar="SOURCE", help=SOURCE)
    live.add_argument("--source-file", type=Path, metavar="FILE", help=SOURCE_FILE)
    live.add_argument("--threads", type=options.whole_number(1, options.MAX_THREADS), metavar="N", help=THREADS)
    options.add_runtime(live)
    frames = live.add_argument_group("frames")
    declared.add_arguments(frames, *sources.KINDS)
    frames.add_argument("--frames", type=options.whole_number(1, 10**9), metavar="N", help="end after N predictions")
    predictions = live.add_argument_group("predictions")
    predictions.add_argument("--top-k", type=options.whole_number(1, 1000), default=5, metavar="N", help="labels shown")
    predictions.add_argument("--smooth", type=options.whole_number(1, 1000), default=1, metavar="N", help=SMOOTH)
    predictions.add_argument("--threshold", type=options.share, metavar="SCORE", help=THRESHOLD)
    for kind in outputs.KINDS:
        declared.add_arguments(live.add_argument_group(kind.title), kind)
    options.add_overrides(live, "for a third-party file, which has no card")


def request(given: argparse.Namespace) -> "LiveRequest":
    source = sources.options(sources.given(given.source, given.source_file), declared.given(given, *sources.KINDS))
    requested = [kind(**declared.given(given, kind)) for kind in outputs.KINDS]

    from device.live.live import LiveRequest

    same = ("model", "runtime", "threads", "top_k", "smooth", "threshold", "frames")
    fields = {name: getattr(given, name) for name in same} | _selected(given)
    return LiveRequest(**fields, source=source, overrides=options.overrides(given), outputs=requested)


def _selected(given: argparse.Namespace) -> dict[str, Any]:
    """The model, threads and runtime from --auto; UserError if one of these is given too."""
    if given.auto is None:
        return {}
    from device.live import selection

    named = {"a MODEL": given.model, "--threads": given.threads, "--runtime": given.runtime}
    if too_much := [name for name, value in named.items() if value is not None]:
        raise UserError(f"{too_much[0]} was given with --auto, which sets model, threads and runtime; omit one of them")
    found = selection.read(given.auto)
    return {"model": found.path, "threads": found.threads, "runtime": found.runtime}
