"""A fresh process that measures, seen from the process that conducts it (the other side: worker.py)."""

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

# Longer than a timer's tick, shorter than a scheduler's slice: what a neighbor takes, it takes from every lane.
BLOCK_S = 0.004
PATIENCE_S = 10
HERE = Path(__file__).resolve().parents[2]


class LostError(UserError):
    """The process ended when it should have answered; says how."""


@dataclass(frozen=True)
class BenchmarkCase:
    """What is timed: a model file with so many threads in a runtime (None: the first found there).

    size: (height, width) for a network that leaves them open.
    """

    path: Path
    threads: int = 1
    runtime: str | None = None
    frame: bool = False
    size: tuple[int, int] | None = None


@dataclass(frozen=True)
class Loaded:
    """What a process told of loading a case; error: why it could not be, and nothing else is known. frame: whether it
    can time a frame's way.
    """

    error: str | None
    runtime: str | None = None
    runtime_version: str | None = None
    load_ms: float | None = None
    first_ms: float | None = None
    peak_memory_bytes: int | None = None
    frame: bool = False


@dataclass(frozen=True)
class Lane:
    """`invoke` or `frame` of the case with that index."""

    what: str
    case: int


@dataclass(frozen=True)
class Samples:
    """One lane's samples of one turn, float64, in ms: wall time, and the measuring thread's own time.

    waits: its voluntary context switches. error: why the lane gave up half way. step_ms: the thread's clock was seen to
    move in steps of that.
    """

    wall_ms: npt.NDArray[np.float64]
    cpu_ms: npt.NDArray[np.float64]
    waits: int
    error: str | None
    step_ms: float = 0.0


class TimingWorker:
    """Cases loaded in one fresh process, in the order given. `loaded` has what each told.

    python: the environment's interpreter; another runtime may live in another one. UserError where it can't be started.
    """

    def __init__(self, cases: Sequence[BenchmarkCase], python: str = sys.executable, seed: int = 1) -> None:
        # Not a pipe: one that nobody reads would stop the process. Closed with it.
        self._complaints = tempfile.TemporaryFile()  # noqa: SIM115
        self._process = self._started(python)
        asked = [{**vars(case), "path": str(case.path.resolve())} for case in cases]
        try:
            answers = self._ask({"cases": asked, "seed": seed})
            self.loaded = [records.record(Loaded, told, "the process's answer", tolerant=True) for told in answers]
        except BaseException:
            self._process.kill()
            self.close()
            raise
        self.lanes = [
            Lane(what, index)
            for index, told in enumerate(self.loaded)
            if told.error is None
            for what in ("invoke", "frame")
            if what == "invoke" or told.frame
        ]

    def _started(self, python: str) -> "subprocess.Popen[str]":
        # A path counts from where the user is, not from where the process will be.
        program = str(Path(python).absolute()) if "/" in python else python
        try:
            return subprocess.Popen(
                [program, "-m", "benchmarks.timing.worker"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._complaints,
                text=True,
                cwd=HERE,
                # Ctrl-C is for the conductor, which then ends its workers.
                start_new_session=True,
            )
        except OSError as error:
            self._complaints.close()
            reason = f"{python}: it can't be started ({error.strerror})"
            raise UserError(f"{reason}; expected the Python of an environment") from None

    def turn(self, lanes: Sequence[Lane], seconds: float, block_s: float = BLOCK_S) -> list[Samples]:
        """Runs these lanes, interleaved in blocks, for about that time in all. LostError when the process dies."""
        names = [[lane.what, lane.case] for lane in lanes]
        return [
            Samples(
                np.array(told["wall_ns"]) / 1e6,
                np.array(told["cpu_ns"]) / 1e6,
                told["waits"],
                told["error"],
                told["step_ns"] / 1e6,
            )
            for told in self._ask({"lanes": names, "seconds": seconds, "block_s": block_s})
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
            raise LostError(f"the measuring process said {line[:40]!r}, expected JSON: is it a Python?") from None
        return rows

    def _end(self) -> str:
        """How the process ended, in words."""
        try:
            code = self._process.wait(PATIENCE_S)
        except subprocess.TimeoutExpired:
            return "the measuring process stopped answering"
        if code < 0:
            return f"the measuring process was ended by {signal.Signals(-code).name}"
        self._complaints.seek(0)
        lines = self._complaints.read().decode(errors="replace").splitlines()
        return f"the measuring process ended with exit code {code}" + (f": {lines[-1]}" if lines else "")

    def close(self) -> None:
        assert self._process.stdin is not None and self._process.stdout is not None
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.close()
        try:
            self._process.wait(PATIENCE_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()
        self._complaints.close()

    def __enter__(self) -> "TimingWorker":
        return self

    def __exit__(self, kind: type[BaseException] | None, *rest: object) -> None:
        if kind is not None:
            self._process.kill()
        self.close()
