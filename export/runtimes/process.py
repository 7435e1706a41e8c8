"""A Python that tries model files, seen from the export that asks it (the other side: device/evaluation/trial.py)."""

import contextlib
import json
import signal
import subprocess
import threading
from pathlib import Path
from types import TracebackType
from typing import Any

from device import records
from device.errors import UserError
from device.evaluation.trial import RuntimeCheck

# The other Python imports device from the folder of our packages. Behind its own: where these are installed, numpy and
# the like lie beside them.
ROOT = Path(__file__).resolve().parents[2]
PROGRAM = (
    f"import runpy, sys; sys.path.append({str(ROOT)!r});"
    " runpy.run_module('device.evaluation.trial', run_name='__main__')"
)
PATIENCE_S = 10
# For an answer, which may take golden images of a large network without XNNPACK; then the process is killed.
ANSWER_S = 600


class TrialProcess:
    """One runtime in a process of its own, which restarts after a file has ended it.

    UserError where the runtime can't be imported there.
    """

    def __init__(self, python: Path, runtime: str) -> None:
        self._python, self.runtime = python, runtime
        self._process = self._started()
        first = self._line()
        if first is None or first["error"] is not None:
            self._end()
            said = first["error"] if first else "it ends without an answer; is it the Python of an environment?"
            raise UserError(f"{python} can't try files in {runtime}: {said}")
        self.version = str(first["version"])

    def _started(self) -> "subprocess.Popen[str]":
        try:
            return subprocess.Popen(
                [str(self._python), "-c", PROGRAM, self.runtime],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,  # what the runtimes announce
                text=True,
                cwd=self._python.parent,  # a folder without modules: -c imports from there first
                start_new_session=True,  # Ctrl-C is for the export, which then ends it
            )
        except OSError as error:
            raise UserError(f"{self._python}: it can't be started ({error.strerror}); expected a Python") from None

    @property
    def pid(self) -> int:
        return self._process.pid

    def load(self, path: Path) -> RuntimeCheck | None:
        """Loads a file and checks it; None if it ended the process."""
        told = self._ask({"model": str(path.absolute())})
        return None if told is None else records.record(RuntimeCheck, told, "the answer")

    def median_s(self, block_s: float) -> float:
        """The median time of an inference of the file that was loaded last and passed, in seconds."""
        told = self._ask({"block_s": block_s})
        if told is None:
            raise UserError(f"{self.runtime} {self.version} {self.begin_anew()} while a file was timed in it")
        return float(told["median_s"])

    def _ask(self, question: dict[str, Any]) -> dict[str, Any] | None:
        assert self._process.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.write(json.dumps(question) + "\n")
            self._process.stdin.flush()
        return self._line()

    def _line(self) -> dict[str, Any] | None:
        assert self._process.stdout is not None
        timer = threading.Timer(ANSWER_S, self._process.kill)
        timer.start()
        try:
            answer: dict[str, Any] = json.loads(self._process.stdout.readline())
        except ValueError:  # it has ended, or is something else
            return None
        finally:
            timer.cancel()
        return answer

    def begin_anew(self) -> str:
        """After the process has ended: how it did, in words."""
        code = self._end()
        self._process = self._started()
        self._line()
        return f"ends its process ({signal.Signals(-code).name if code < 0 else f'exit code {code}'})"

    def _end(self) -> int:
        """Its exit code."""
        assert self._process.stdin is not None and self._process.stdout is not None
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.close()
        try:
            code = self._process.wait(PATIENCE_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            code = self._process.wait()
        self._process.stdout.close()
        return code

    def __enter__(self) -> "TrialProcess":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if kind is not None:
            self._process.kill()
        self._end()
