"""Each variant in LiteRT and in tflite-runtime, in processes of their own that take turns.

Whether a file runs there decides its golden images: the same best label, and every score within the variant's
tolerance. With `export --for` a file that doesn't is not kept.
"""

import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from device import command
from device.errors import UserError
from device.evaluation.runtimes import HERE, RuntimeResult, RuntimeResults
from device.evaluation.trial import RuntimeCheck
from device.model import card as cards
from export.runtimes import environments
from export.runtimes.environments import OTHER
from export.runtimes.process import TrialProcess

# Turns of each runtime, and how long a turn is: half a second a file in all.
TURNS, BLOCK_S = 12, 0.02


@dataclass(frozen=True)
class TriedFile:
    """results: LiteRT's first. data: the file, whose card now says in which runtimes it runs."""

    results: RuntimeResults
    data: bytes

    @property
    def failures(self) -> tuple[str, ...]:
        return tuple(result.failure for result in self.results if result.failure is not None)


class RuntimeTrials:
    """processes: LiteRT's first; none: nothing is tried. is_needed: a file that fails in one of them is not kept."""

    def __init__(self, processes: tuple[TrialProcess, ...], is_needed: bool) -> None:
        self._processes, self.is_needed = processes, is_needed

    def tried(self, path: Path, data: bytes) -> TriedFile | None:
        """data: a whole file with its golden images; path: where it may be written. None where there is no other
        runtime to try it in.
        """
        if not self._processes:
            return None
        path.write_bytes(data)
        results = tuple(_loaded(process, path) for process in self._processes)
        if all(result.failure is None for result in results):
            try:
                results = self._timed(results)
            except UserError as error:
                command.say(f"note: no latency beside LiteRT: {error}")
        return TriedFile(results, _with_runtimes(path, results))

    def _timed(self, results: RuntimeResults) -> RuntimeResults:
        seconds = np.array([[process.median_s(BLOCK_S) for process in self._processes] for _ in range(TURNS)])
        medians, ratios = np.median(seconds, axis=0), np.median(seconds / seconds[:, :1], axis=0)
        return tuple(
            replace(result, latency_ms=1e3 * float(medians[place]), latency_ratio=float(ratios[place]))
            for place, result in enumerate(results)
        )


def _loaded(process: TrialProcess, path: Path) -> RuntimeResult:
    answer = process.load(path)
    if answer is None:
        answer = RuntimeCheck(f"{process.runtime} {process.version} {process.begin_anew()} on this file")
    return RuntimeResult(process.runtime, process.version, answer.failure, answer.score_error)


def _with_runtimes(path: Path, results: RuntimeResults) -> bytes:
    """In the card's provenance, where also readers from before there was such a field take it."""
    card = cards.read(path)
    assert card is not None
    runs = {result.runtime: result.version for result in results if result.failure is None}
    images = {name: data for name, data in cards.read_archive(path).items() if name not in (cards.CARD, cards.LABELS)}
    return cards.append_archive(
        cards.network_bytes(path), replace(card, provenance={**(card.provenance or {}), "runtimes": runs}), images
    )


@contextmanager
def begun(needed: str | None) -> Iterator[RuntimeTrials]:
    """needed: the runtime that every file has to run in, by its name; UserError where it can't be had."""
    python = environments.needed() if needed else environments.python()
    with ExitStack() as stack:
        processes: tuple[TrialProcess, ...] = ()
        if python is not None:
            try:
                theirs = stack.enter_context(TrialProcess(python, OTHER))
                ours = stack.enter_context(TrialProcess(Path(sys.executable), HERE))
                processes = (ours, theirs)
            except UserError as error:
                if needed:
                    raise
                command.say(f"note: the files are tried in LiteRT alone: {error}")
        yield RuntimeTrials(processes, is_needed=needed is not None)
