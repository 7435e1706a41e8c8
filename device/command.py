"""How every command of the four packages starts and ends: a quiet stderr, exit codes, one-line errors.

Imports nothing heavy, so Ctrl-C and wrong options are handled before numpy or TensorFlow load.
"""

import errno
import functools
import io
import os
import re
import shlex
import sys
import threading
import traceback
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import NoReturn

from device import text
from device.errors import CannotTellError, UserError

GOOD, FAILED, USER_ERROR, INCONCLUSIVE, INTERRUPTED = 0, 1, 2, 3, 130
# EX_SOFTWARE of sysexits.h. With Python's own 1 a crash would look like a verdict.
CRASHED = 70

# Errors of the operating system that the user can fix.
FIXABLE = {
    errno.ENOSPC: "no space is left on the device; free some, then run the command again",
    errno.EDQUOT: "the disk quota is used up; free some space, then run the command again",
    errno.EFBIG: "the file would be larger than is allowed here (ulimit -f, or the file system); choose another place",
    errno.EACCES: "permission denied; choose another place or change its permissions",
    errno.EPERM: "the operation is not permitted there; choose another place or change its permissions",
    errno.EROFS: "the file system is read-only; choose another place",
    errno.ENOENT: "there is no such file or directory",
    errno.EEXIST: "a file of that name is in the way; choose another place or remove it",
    errno.EISDIR: "it is a directory, a file was expected",
    errno.ENOTDIR: "a part of the path is a file, a directory was expected",
    errno.ENAMETOOLONG: "the name is too long for the file system",
}


_LEFT_BEHIND: list[threading.Thread] = []


def run(main: Callable[[], int], leaves_threads: bool = False) -> NoReturn:
    """Runs a command's main function and exits: 0 good, 1 failed, 2 user error, 3 inconclusive, 130 Ctrl-C, or 70 for a
    bug, whose traceback it prints.

    leaves_threads: after Ctrl-C, threads of libraries (Keras' loaders, TensorFlow's own) may still run. Python's
    shutdown can crash under them, so the process exits without it, as it does after `left_behind`.
    """
    try:
        _silence_native_libraries()
        _let_any_name_through()
        code = main()
        if sys.stdout is not None:
            sys.stdout.flush()
    except KeyboardInterrupt:
        say("interrupted")
        code = INTERRUPTED
    except CannotTellError as error:
        say(_without_secrets(f"can't tell: {error}"))
        code = INCONCLUSIVE
    except UserError as error:
        say(_without_secrets(f"error: {error}"))
        code = USER_ERROR
    except BrokenPipeError:
        # The reader (`| head`) closed the pipe: there is nobody left to report to.
        code = GOOD
    except Exception as error:
        if isinstance(error, OSError) and (advice := _advice(error)):
            say(_without_secrets(f"error: {_place(error)}: {advice}"))
            code = USER_ERROR
        else:
            _write_on_stderr(_without_secrets(traceback.format_exc()))
            code = CRASHED
    _drop_output()
    if any(thread.is_alive() for thread in _LEFT_BEHIND) or (leaves_threads and code == INTERRUPTED):
        os._exit(code)
    sys.exit(code)


def program(package: str, *words: str) -> str:
    """The command's name in usage lines: `python -m PACKAGE WORDS`, or as typed if framelite/__main__.py passed it
    on."""
    is_handed_over = sys.argv[0].split()[:1] == ["framelite"]
    return " ".join([sys.argv[0] if is_handed_over else f"python -m {package}", *words])


def left_behind(thread: threading.Thread) -> None:
    """Registers a thread that ignored the request to end, perhaps inside a library, and may outlive `run`."""
    _LEFT_BEHIND.append(thread)


def _advice(error: OSError) -> str | None:
    """What the user can do about an error of the operating system; None if nothing."""
    # numpy's tofile, and so np.save, doesn't say why a write was short. Named a file, str() lacks what it says.
    is_short_write = error.errno is None and re.fullmatch(r"\d+ requested and \d+ written", str(*error.args[:1]))
    return FIXABLE.get(errno.ENOSPC if is_short_write else error.errno or 0)


def _place(error: OSError) -> str:
    """The file, or tempfile's message, which names the folders that it tried."""
    if error.filename:
        return os.fsdecode(error.filename) if isinstance(error.filename, bytes) else str(error.filename)
    is_tempfile_s = error.errno == errno.ENOENT and str(error.strerror).startswith("No usable temporary directory")
    return str(error.strerror) if is_tempfile_s else "the output"


def show(lines: Sequence[str]) -> None:
    """Writes a result to stdout at once, with terminal control sequences escaped.

    A closed pipe (`| head`) does not change the exit code.
    """
    try:
        print(text.visible("".join(f"{line}\n" for line in lines)), end="", flush=True)
    except BrokenPipeError:
        _drop_output()


def say(line: str) -> None:
    """Writes a note or an error to stderr as one line, over a progress bar if there is one."""
    if sys.stderr is None:  # closed by the shell: 2>&-
        return
    clear = "\r\x1b[K" if sys.stderr.isatty() else ""
    _write_on_stderr(clear + text.visible(" ".join(line.splitlines())) + "\n")


def _write_on_stderr(what: str) -> None:
    """Drops what can't be written (full disk, closed pipe): a lost note must not end the command."""
    with suppress(OSError):
        print(what, end="", file=sys.stderr, flush=True)


def say_next(*commands: Sequence[object]) -> None:
    """Suggests the next commands as they would be typed here; each is the words after `python -m`."""
    python = os.path.relpath(sys.executable)
    if python.startswith(".."):
        python = "python"
    for number, words in enumerate(commands):
        say(f"{'next:' if not number else '     '} {shlex.join([python, '-m', *map(str, words)])}")


@functools.cache
def say_once(line: str) -> None:
    """Like `say`, but once per process: several models that read one folder don't repeat its notes."""
    say(line)


def _without_secrets(message: str) -> str:
    """An error may repeat an argument, even an address with a password that was given as a file."""
    from device import addresses  # late: a command that succeeds doesn't need it

    return addresses.without_secrets(message)


def _drop_output() -> None:
    """Sends unwritable output to /dev/null: Python flushes again at exit, and would turn the exit code into 120."""
    for stream in (sys.stdout, sys.stderr):
        try:
            if stream is not None:
                stream.flush()
        except OSError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _let_any_name_through() -> None:
    """Escapes file names that are not UTF-8, and characters that the terminal lacks."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")


def _silence_native_libraries() -> None:
    """Points file descriptor 2 at /dev/null and keeps Python's sys.stderr on the terminal.

    TensorFlow, LiteRT, OpenCV and libpng write notices straight to the descriptor, past every logging switch they have.
    FRAMELITE_NATIVE_LOG=1 lets them through, to find out why a native library crashed. To let a child process write to
    the terminal, pass `stderr=sys.stderr`.
    """
    if os.environ.get("FRAMELITE_NATIVE_LOG") or sys.stderr is None:
        return
    terminal = os.dup(2)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    sys.stderr = os.fdopen(terminal, "w", buffering=1, encoding=sys.stderr.encoding, errors="backslashreplace")
