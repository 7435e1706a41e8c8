"""Commands that begin with TensorFlow imported: `python -m tests.warm` imports it once and forks for every command.

The import takes longer than a tiny network's training. A fork is a process of its own: its arguments, environment,
folder, standard streams and exit code are those of `python -m …`, and nothing that it does reaches the next one. What
is not so: what happens while TensorFlow and Keras are imported, by keras.json or by variables that are read then. Tests
of that start real processes (tests/conftest.py: `command`). The fresh process in which export converts a model is a
fork as well.
"""

import json
import os
import runpy
import select
import signal
import subprocess
import sys
import tempfile
import traceback
from pathlib import Path
from types import TracebackType
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
CONVERSION = "export.conversion.convert"
REAL_RUN = subprocess.run


class Warm:
    """The client: a forking process, begun with the first command, ended with the block."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[str] | None = None

    def __enter__(self) -> "Warm":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._end()

    def run(self, words: list[str], cwd: Path, env: dict[str, str], timeout: float) -> subprocess.CompletedProcess[str]:
        """As subprocess.run of `python -m WORDS…` with captured output; TimeoutExpired ends what still runs."""
        process = self._process = self._process or subprocess.Popen(
            [sys.executable, "-m", "tests.warm"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            cwd=ROOT,
            start_new_session=True,
        )
        assert process.stdin is not None and process.stdout is not None
        with tempfile.TemporaryDirectory(prefix="framelite-warm-") as name:
            out, err = Path(name) / "out", Path(name) / "err"
            asked = {"words": words, "cwd": str(cwd), "env": env, "out": str(out), "err": str(err)}
            process.stdin.write(json.dumps(asked) + "\n")
            process.stdin.flush()
            if not select.select([process.stdout], [], [], timeout)[0]:
                self._end()
                raise subprocess.TimeoutExpired(words, timeout, out.read_bytes(), err.read_bytes())
            code = int(process.stdout.readline())
            return subprocess.CompletedProcess(words, code, out.read_text(), err.read_text())

    def _end(self) -> None:
        if self._process:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.communicate()
            self._process = None


def _become(asked: dict[str, Any]) -> None:
    """In the fork: its streams, folder, environment and arguments; then the command, whose exit is this process's."""
    for number, path, flags in ((0, os.devnull, os.O_RDONLY), (1, asked["out"], None), (2, asked["err"], None)):
        opened = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC if flags is None else flags, 0o644)
        os.dup2(opened, number)
        os.close(opened)
    os.chdir(asked["cwd"])
    sys.path[0] = asked["cwd"]  # as `python -m` has it
    subprocess.run = _run
    _run_module(asked["words"], asked["env"])


def _run_module(words: list[str], env: dict[str, str]) -> None:
    """As `python -m WORDS…` in this environment."""
    import keras

    os.environ.clear()
    os.environ.update(env)
    keras.src.backend.config._KERAS_DIR = env["KERAS_HOME"]  # which Keras reads once, when it is imported
    sys.argv = words
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
    sys.path.append(str(ROOT))
    import keras
    import matplotlib
    import tensorflow  # noqa: F401

    matplotlib.use("Agg")
    import matplotlib.pyplot
    import sklearn.metrics  # noqa: F401

    assert keras.config.floatx() == "float32"
    for line in sys.stdin:
        process = os.fork()
        if process == 0:
            return _become(json.loads(line))
        print(os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]), flush=True)


if __name__ == "__main__":
    main()
