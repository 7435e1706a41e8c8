"""Commands that begin with packages imported, ours too: a process imports them once and forks for every command.

The import takes longer than what most tests ask: TensorFlow's longer than a tiny network's training. A fork is a
process of its own: its arguments, environment, folder, standard streams, signals and exit code are those of
`python -m …`, and nothing that it does reaches the next one. What is not so: what happens while these packages are
imported, by keras.json or by variables that are read then. Tests of that start real processes (tests/conftest.py:
`runs_in`, where `suits` says no). The fresh process in which export converts a model is a fork as well.
"""

import atexit
import json
import os
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TextIO

from tests.forking import CONVERSION, REAL_RUN

ROOT = Path(__file__).resolve().parents[1]
# What Python and the packages look at while they start.
READ_AT_START = ("HOME", "PYTHON", "LC_", "LANG", "LD_", "OPENBLAS_", "OMP_", "OPENCV_", "MPL", "TZ")
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT)}
ENVIRONMENT.pop("PYTHONUNBUFFERED", None)


def _read_at_start(env: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in env.items() if name.startswith(READ_AT_START)}


class Forked:
    """A forked command: of subprocess.Popen, with its output as text on pipes, what tests use."""

    def __init__(self, words: Sequence[str], report: int, stdout: int, stderr: int) -> None:
        self.args, self._report = words, os.fdopen(report, "rb", buffering=0)
        self.stdout, self.stderr = os.fdopen(stdout), os.fdopen(stderr)
        self.returncode: int | None = None
        self._readers: list[threading.Thread] = []
        self._output: dict[TextIO, str] = {}
        self.pid = self._reported()

    def _reported(self) -> int:
        """First the process's number; at its end its exit code."""
        found = self._report.read(4)
        assert found, f"what forks commands has ended: {self.args}"
        return int.from_bytes(found, sys.byteorder, signed=True)

    def poll(self) -> int | None:
        with suppress(subprocess.TimeoutExpired):
            self.wait(0)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        if self.returncode is None:
            if not select.select([self._report], [], [], timeout)[0]:
                raise subprocess.TimeoutExpired(self.args, timeout or 0)
            self.returncode = self._reported()
            self._report.close()
        return self.returncode

    def send_signal(self, number: int) -> None:
        if self.returncode is None:
            with suppress(ProcessLookupError):  # it has ended, and nobody has asked yet
                os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def communicate(self, timeout: float | None = None) -> tuple[str, str]:
        """What wasn't read yet of (stdout, stderr), up to the end."""
        end = None if timeout is None else time.monotonic() + timeout
        if not self._readers:
            self._readers = [threading.Thread(target=self._drain, args=[each]) for each in (self.stdout, self.stderr)]
            for reader in self._readers:
                reader.start()
        for reader in self._readers:
            reader.join(None if end is None else max(0.0, end - time.monotonic()))
        if any(reader.is_alive() for reader in self._readers):
            raise subprocess.TimeoutExpired(self.args, timeout or 0)
        self.wait()
        return self._output[self.stdout], self._output[self.stderr]

    def _drain(self, stream: TextIO) -> None:
        self._output[stream] = "" if stream.closed else stream.read()
        stream.close()


class Warm:
    """A forking process that has imported some modules: begun with the first command, ended with this process."""

    def __init__(self, *modules: str) -> None:
        self._modules = modules
        self._lock = threading.Lock()
        self._asked: socket.socket | None = None

    def suits(self, env: dict[str, str]) -> bool:
        """Nothing that is read while packages are imported differs in this environment."""
        return _read_at_start(env) == _read_at_start(ENVIRONMENT)

    def start(self, words: Sequence[object], cwd: Path, env: dict[str, str], ends_fast: bool = False) -> Forked:
        """As subprocess.Popen of `python -m WORDS…` with text on pipes.

        ends_fast: without taking apart at its end what was imported for it, which takes longer than most commands.
        """
        named = [*map(str, words)]
        asked = {"words": named, "cwd": str(cwd), "env": env, "ends_fast": ends_fast}
        with self._lock:
            self._asked = self._asked or self._begun()
        pipes = [os.pipe() for _ in range(3)]
        socket.send_fds(self._asked, [json.dumps(asked).encode()], [write for _, write in pipes])
        for _, write in pipes:
            os.close(write)
        return Forked(named, *(read for read, _ in pipes))

    def run(self, words: Sequence[object], cwd: Path, env: dict[str, str], timeout: float) -> Any:
        """As subprocess.run with captured text: CompletedProcess[str]; TimeoutExpired ends what still runs."""
        process = self.start(words, cwd, env, ends_fast=True)
        try:
            stdout, stderr = process.communicate(timeout)
        finally:
            process.kill()
        return subprocess.CompletedProcess(process.args, process.wait(), stdout, stderr)

    def _begun(self) -> socket.socket:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.forking", str(theirs.fileno()), *self._modules],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd=ROOT,
            env=ENVIRONMENT,
            pass_fds=[theirs.fileno()],
            start_new_session=True,
        )
        theirs.close()
        atexit.register(_end, process, ours)
        return ours


def _end(process: "subprocess.Popen[bytes]", asked: socket.socket) -> None:
    """Of the forking process and of all that it began."""
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    asked.close()


# device first, here too: it says how OpenCV is to be loaded.
LIGHT = Warm("device", "numpy", "cv2", "ai_edge_litert.interpreter", "litert_quantizer", "matplotlib.figure")
TENSORFLOW = Warm(
    *("device", "numpy", "cv2", "litert_quantizer", "tensorflow", "keras", "matplotlib.pyplot", "sklearn.metrics"),
    *("tensorflow.lite.python.lite", "tensorflow.lite.python.interpreter"),
)


@contextmanager
def converting() -> Iterator[None]:
    """In this block export.conversion.convert, called from a test, has the model converted in a fork."""

    def run(words: list[str], **options: Any) -> Any:
        if words[:3] != [sys.executable, "-m", CONVERSION]:
            return REAL_RUN(words, **options)
        done = TENSORFLOW.run(words[2:], Path.cwd(), options["env"], 240)
        return subprocess.CompletedProcess(words, done.returncode, None, done.stderr)

    subprocess.run = run  # type: ignore[assignment]
    try:
        yield
    finally:
        subprocess.run = REAL_RUN
