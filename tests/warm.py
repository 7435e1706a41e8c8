"""Commands that begin with their packages imported: a process imports them once and forks for every command.

The import takes longer than what most tests ask: TensorFlow's longer than a tiny network's training. A fork is a
process of its own: its arguments, environment, folder, standard streams, signals and exit code are those of
`python -m …`, and nothing that it does reaches the next one. What is not so: what happens while these packages are
imported, by keras.json or by variables that are read then. Tests of that start real processes (tests/conftest.py:
`runs_in`, where `suits` says no). The fresh process in which export converts a model is a fork as well.
"""

import atexit
import gc
import importlib
import json
import os
import runpy
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TextIO

ROOT = Path(__file__).resolve().parents[1]
CONVERSION = "export.conversion.convert"
REAL_RUN = subprocess.run
# What Python and the packages look at while they start.
READ_AT_START = ("PYTHON", "LC_", "LANG", "LD_", "OPENBLAS_", "OMP_", "OPENCV_", "TZ")
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
        asked = {"words": [*map(str, words)], "cwd": str(cwd), "env": env, "ends_fast": ends_fast}
        with self._lock:
            self._asked = self._asked or self._begun()
        pipes = [os.pipe() for _ in range(3)]
        socket.send_fds(self._asked, [json.dumps(asked).encode()], [write for _, write in pipes])
        for _, write in pipes:
            os.close(write)
        return Forked(asked["words"], *(read for read, _ in pipes))

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
            [sys.executable, "-m", "tests.warm", str(theirs.fileno()), *self._modules],
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
    "device", "numpy", "cv2", "litert_quantizer", "tensorflow", "keras", "matplotlib.pyplot", "sklearn.metrics"
)


@contextmanager
def converting() -> Iterator[None]:
    """In this block export.conversion.convert, called from a test, has the model converted in a fork."""

    def run(words: list[str], **options: Any) -> Any:
        if words[:3] != [sys.executable, "-m", CONVERSION]:
            return REAL_RUN(words, **options)
        done = TENSORFLOW.run(words[2:], Path.cwd(), options["env"], 240)
        return subprocess.CompletedProcess(words, done.returncode, None, done.stderr)

    subprocess.run = run
    try:
        yield
    finally:
        subprocess.run = REAL_RUN


def _serve(asked: socket.socket) -> None:
    """Forks for every command until nobody can ask any more."""
    while True:
        message, handles, _, _ = socket.recv_fds(asked, 1 << 20, 3)
        if not message:
            return
        if os.fork() == 0:
            asked.close()
            return _watch(json.loads(message), *handles)
        for handle in handles:
            os.close(handle)
        with suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass


def _watch(asked: dict[str, Any], report: int, stdout: int, stderr: int) -> None:
    """Forks once more, reports the command's number and, when it has ended, its exit code."""
    process = os.fork()
    if process == 0:
        os.close(report)
        return _become(asked, stdout, stderr)
    os.close(stdout)
    os.close(stderr)
    os.write(report, process.to_bytes(4, sys.byteorder, signed=True))
    code = os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
    os.write(report, code.to_bytes(4, sys.byteorder, signed=True))
    os._exit(0)


def _become(asked: dict[str, Any], stdout: int, stderr: int) -> None:
    """In the fork: its streams, folder, environment and arguments; then the command, whose exit is this process's."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for number, handle in ((1, stdout), (2, stderr)):
        os.dup2(handle, number)
        os.close(handle)
    # As Python opens them: those that are there know what they are not, such as a file that can be sought in.
    sys.stdout = os.fdopen(1, "w", encoding=sys.stdout.encoding, errors=sys.stdout.errors, closefd=False)
    sys.stderr = os.fdopen(2, "w", 1, encoding=sys.stderr.encoding, errors=sys.stderr.errors, closefd=False)
    os.chdir(asked["cwd"])
    tempfile.tempdir = None  # it is looked for again, in this environment
    sys.path[0] = asked["cwd"]  # as `python -m` has it
    if "tensorflow" in sys.modules:
        subprocess.run = _run
    try:
        _run_module(asked["words"], asked["env"])
    except SystemExit as end:
        if asked["ends_fast"] and isinstance(end.code, int):
            threading._shutdown()  # waits for threads, as Python's own end does
            atexit._run_exitfuncs()
            sys.stdout.flush()
            os._exit(end.code)
        raise


def _run_module(words: list[str], env: dict[str, str]) -> None:
    """As `python -m WORDS…`, or `python -c CODE`, in this environment."""
    os.environ.clear()
    os.environ.update(env)
    if (keras := sys.modules.get("keras")) and "KERAS_HOME" in env:
        keras.src.backend.config._KERAS_DIR = env["KERAS_HOME"]  # which Keras reads once, when it is imported
    sys.argv = words
    if words[0] == "-c":
        sys.argv = [words[0], *words[2:]]
        exec(compile(words[1], "<string>", "exec"), {"__name__": "__main__"})
    else:
        runpy.run_module(words[0], run_name="__main__", alter_sys=True)


def _run(words: list[str], **options: Any) -> Any:
    """subprocess.run, but what imports TensorFlow to convert a model is forked."""
    if words[:3] != [sys.executable, "-m", CONVERSION]:
        return REAL_RUN(words, **options)
    with tempfile.TemporaryFile("w+") as err:
        process = os.fork()
        if process == 0:
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
            os.dup2(err.fileno(), 2)
            sys.stdout, sys.stderr = os.fdopen(1, "w", closefd=False), os.fdopen(2, "w", closefd=False)
            os._exit(_exit_code(words[2:], options["env"]))
        code = os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
        err.seek(0)
        return subprocess.CompletedProcess(words, code, None, err.read())


def _exit_code(words: list[str], env: dict[str, str]) -> int:
    """As the interpreter ends: with what `sys.exit` is given; an error's traceback on stderr and 1."""
    try:
        _run_module(words, env)
    except SystemExit as end:
        return int(end.code or 0)
    except BaseException:
        traceback.print_exc()
        return 1
    finally:
        sys.stderr.flush()
    return 0


def main() -> None:
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    os.environ["KERAS_BACKEND"] = "tensorflow"
    os.environ["KERAS_HOME"] = os.devnull  # no keras.json is read
    os.environ["MPLBACKEND"] = "Agg"
    _, number, *modules = sys.argv
    for module in modules:
        importlib.import_module(module)
    gc.collect()
    gc.freeze()  # a fork looks through its own objects alone
    with socket.socket(fileno=int(number)) as asked:
        _serve(asked)


if __name__ == "__main__":
    main()
