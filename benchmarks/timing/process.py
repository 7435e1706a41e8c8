"""A fresh process that measures, as seen from the scheduler's process (the other side: worker.py)."""

import contextlib
import json
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from device import records
from device.errors import UserError

# Longer than a timer tick, shorter than a timeslice of the kernel: other processes affect every series alike.
BLOCK_S = 0.004
PATIENCE_S = 10
HERE = Path(__file__).resolve().parents[2]


class LostError(UserError):
    """The process ended instead of responding; the text says how."""


@dataclass(frozen=True)
class BenchmarkCase:
    """A model file to time, with so many threads in a runtime (None: the first found there).

    frame: time a whole frame too. size: (height, width) for a network that leaves them open.
    """

    path: Path
    threads: int = 1
    runtime: str | None = None
    frame: bool = False
    size: tuple[int, int] | None = None


@dataclass(frozen=True)
class Loaded:
    """A process' report on loading a case. error: why it failed; then nothing else is known. frame: whether it can time
    a whole frame.
    """

    error: str | None
    runtime: str | None = None
    runtime_version: str | None = None
    load_ms: float | None = None
    first_ms: float | None = None
    peak_memory_bytes: int | None = None
    frame: bool = False


@dataclass(frozen=True)
class Series:
    """`invoke` or `frame` of the case with that index."""

    what: str
    case: int


@dataclass(frozen=True)
class Samples:
    """One series' samples of one burst, float64, in ms: wall time, and CPU time of the measuring thread.

    waits: its voluntary context switches. error: why the series stopped. step_ms: the resolution of the thread's clock.
    """

    wall_ms: npt.NDArray[np.float64]
    cpu_ms: npt.NDArray[np.float64]
    waits: int
    error: str | None
    step_ms: float = 0.0


class TimingWorker:
    """Cases loaded in one fresh process, in the given order. `loaded` has a report for each.

    python: the interpreter of an environment, which may have another runtime. UserError if it can't be started.
    """

    def __init__(self, cases: Sequence[BenchmarkCase], python: str = sys.executable, seed: int = 1) -> None:
        # Not a pipe, which would block the process while nobody reads. Closed with the process.
        self._stderr = tempfile.TemporaryFile()  # noqa: SIM115
        self._process = self._started(python)
        requests = [{**vars(case), "path": str(case.path.resolve())} for case in cases]
        try:
            reports = self._ask({"cases": requests, "seed": seed})
            self.loaded = [records.record(Loaded, each, "the process' report", records.LENIENT) for each in reports]
        except BaseException:
            self.close()
            raise
        self.series = [
            Series(what, index)
            for index, loaded in enumerate(self.loaded)
            if loaded.error is None
            for what in ("invoke", "frame")
            if what == "invoke" or loaded.frame
        ]

    def _started(self, python: str) -> "subprocess.Popen[str]":
        # A path is relative to our working directory, not to the process'.
        program = str(Path(python).absolute()) if "/" in python else python
        try:
            return subprocess.Popen(
                [program, "-m", "benchmarks.timing.worker"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._stderr,
                text=True,
                cwd=HERE,
                # Ctrl-C is for the scheduler, which then ends its workers.
                start_new_session=True,
            )
        except OSError as error:
            self._stderr.close()
            reason = f"{python}: it can't be started ({error.strerror})"
            raise UserError(f"{reason}; expected the Python of an environment") from None

    @property
    def pid(self) -> int:
        return self._process.pid

    def burst(self, series: Sequence[Series], seconds: float, block_s: float = BLOCK_S) -> list[Samples]:
        """Runs these series, interleaved in blocks, for about that time in all. LostError if the process dies."""
        names = [[one.what, one.case] for one in series]
        return [
            Samples(
                np.array(samples["wall_ns"]) / 1e6,
                np.array(samples["cpu_ns"]) / 1e6,
                samples["waits"],
                samples["error"],
                samples["step_ns"] / 1e6,
            )
            for samples in self._ask({"series": names, "seconds": seconds, "block_s": block_s})
        ]

    def _ask(self, question: dict[str, Any]) -> list[dict[str, Any]]:
        assert self._process.stdin is not None and self._process.stdout is not None
        try:
            self._process.stdin.write(json.dumps(question) + "\n")
            self._process.stdin.flush()
            line = self._process.stdout.readline()
        except BrokenPipeError:
            line = ""
        if not line.endswith("\n"):
            raise LostError(self._end())
        try:
            rows: list[dict[str, Any]] = json.loads(line)
        except ValueError:
            raise LostError(
                f"the measuring process wrote {line[:40]!r}, expected JSON; check that it is a Python"
            ) from None
        return rows

    def _end(self) -> str:
        """How the process ended, in words."""
        try:
            code = self._process.wait(PATIENCE_S)
        except subprocess.TimeoutExpired:
            return "the measuring process stopped responding"
        if code < 0:
            return f"the measuring process was ended by {signal.Signals(-code).name}"
        self._stderr.seek(0)
        lines = self._stderr.read().decode(errors="replace").splitlines()
        return f"the measuring process ended with exit code {code}" + (f": {lines[-1]}" if lines else "")

    def close(self) -> None:
        """Kills it: it has nothing to save, and taking its interpreters down would take time."""
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.kill()
        self._process.wait()
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.close()
        self._process.stdout.close()
        self._stderr.close()

    def __enter__(self) -> "TimingWorker":
        return self

    def __exit__(self, *error: object) -> None:
        self.close()
