"""The process that tests/warm.py has fork its commands: python -m tests.forking SOCKET MODULE…"""

import atexit
import gc
import importlib
import io
import json
import os
import pkgutil
import runpy
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import traceback
from contextlib import suppress
from typing import Any

CONVERSION = "export.conversion.convert"
REAL_RUN = subprocess.run
PACKAGES = ("device", "train", "export", "benchmarks")
# Heavy ones, for a process that does not begin with them; and one that reads its environment while it is imported.
BLOCKED = ("tensorflow", "keras", "benchmarks.boards.agent")


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
    # A process that has trained has TensorFlow's threads, which a fork of it would wait for in vain.
    if "tensorflow" in sys.modules and asked["words"][0] == "export":
        subprocess.run = _run  # type: ignore[assignment]
    code: Any = 0
    try:
        _run_module(asked["words"], asked["env"])
    except SystemExit as end:
        code = end.code
        if not (asked["ends_fast"] and isinstance(code, int)):
            raise
    if asked["ends_fast"]:
        threading._shutdown()  # type: ignore[attr-defined]  # waits for threads, as Python's own end does
        atexit._run_exitfuncs()
        sys.stdout.flush()
        os._exit(code)


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
        if not hasattr(sys.modules.get(words[0]), "__path__"):  # runpy warns of a module that is imported already
            sys.modules.pop(words[0], None)
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


def _import_ours() -> None:
    """Every module of the packages that needs nothing blocked: what a command imports takes longer than many run."""
    absent = [name for name in BLOCKED if name not in sys.modules]
    sys.modules.update(dict.fromkeys(absent))  # type: ignore[arg-type]  # whatever imports one of them fails
    for package in PACKAGES:
        for module in pkgutil.walk_packages([package], f"{package}."):
            if not module.name.endswith(".__main__"):
                with suppress(ImportError):
                    importlib.import_module(module.name)
    for name in absent:
        del sys.modules[name]


def _draw_once() -> None:
    """matplotlib looks for a font when it draws for the first time."""
    from matplotlib.figure import Figure

    figure = Figure()
    figure.text(0, 0, "1")
    figure.savefig(io.BytesIO())


def main() -> None:
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    os.environ["KERAS_BACKEND"] = "tensorflow"
    os.environ["KERAS_HOME"] = os.devnull  # no keras.json is read
    os.environ["MPLBACKEND"] = "Agg"
    _, number, *modules = sys.argv
    for module in modules:
        importlib.import_module(module)
    _import_ours()
    _draw_once()
    gc.collect()
    gc.freeze()  # a fork looks through its own objects alone
    with socket.socket(fileno=int(number)) as asked:
        _serve(asked)


if __name__ == "__main__":
    main()
