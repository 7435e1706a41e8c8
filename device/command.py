"""How every command of the four packages begins and ends: a quiet stderr, exit codes, errors as one line.

Imports nothing heavy: Ctrl-C and a wrong option are answered before numpy or TensorFlow are loaded.
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
# EX_SOFTWARE of sysexits.h. Not Python's own 1: a crash would look like a verdict.
CRASHED = 70

# What the operating system refuses for reasons the user can mend.
MENDABLE = {
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
    """Runs a command's main function and exits: 0 good, 1 judged bad, 2 user's mistake, 3 can't tell, 130 Ctrl-C,
    70 a fault of this program, whose traceback is printed.

    leaves_threads: after Ctrl-C threads may go on in libraries (Keras' loaders, TensorFlow's own). The interpreter's
    end under them can crash, so the process ends without it; also where `left_behind` was told of one.
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
        # The reader (`| head`) has gone: nobody is left to tell.
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
    """What usage lines call a command: `python -m PACKAGE WORDS`; as it was typed, where framelite/__main__.py handed
    over to it.
    """
    is_handed_over = sys.argv[0].split()[:1] == ["framelite"]
    return " ".join([sys.argv[0] if is_handed_over else f"python -m {package}", *words])


def left_behind(thread: threading.Thread) -> None:
    """A thread that didn't end when it was asked to, perhaps inside a library, may still be there when `run` ends."""
    _LEFT_BEHIND.append(thread)


def _advice(error: OSError) -> str | None:
    """What to do about what the operating system refused; None where the user can't do anything."""
    # numpy's tofile, and so np.save, doesn't say why it wrote less than it was asked to.
    is_short_write = error.errno is None and re.fullmatch(r"\d+ requested and \d+ written", str(error))
    return MENDABLE.get(errno.ENOSPC if is_short_write else error.errno or 0)


def _place(error: OSError) -> str:
    """The file; else what tempfile says, which names the folders that it tried."""
    if error.filename:
        return os.fsdecode(error.filename) if isinstance(error.filename, bytes) else str(error.filename)
    is_tempfile_s = error.errno == errno.ENOENT and str(error.strerror).startswith("No usable temporary directory")
    return str(error.strerror) if is_tempfile_s else "the output"


def show(lines: Sequence[str]) -> None:
    """A result on stdout, written at once, without what would command the terminal.

    That its reader has gone (`| head`) changes nothing of the exit code.
    """
    try:
        print(text.visible("".join(f"{line}\n" for line in lines)), end="", flush=True)
    except BrokenPipeError:
        _drop_output()


def say(line: str) -> None:
    """A note or an error on stderr, one line; a clean one even where a progress bar stood."""
    if sys.stderr is None:  # closed by the shell: 2>&-
        return
    clear = "\r\x1b[K" if sys.stderr.isatty() else ""
    _write_on_stderr(clear + text.visible(" ".join(line.splitlines())) + "\n")


def _write_on_stderr(what: str) -> None:
    """What can't be written (a full disk, a reader that has gone) is lost: a note ends nothing that would go on."""
    with suppress(OSError):
        print(what, end="", file=sys.stderr, flush=True)


def say_next(*commands: Sequence[object]) -> None:
    """What one may do now, each the words of a command after `python -m`, as one would type it here."""
    python = os.path.relpath(sys.executable)
    if python.startswith(".."):
        python = "python"
    for number, words in enumerate(commands):
        say(f"{'next:' if not number else '     '} {shlex.join([python, '-m', *map(str, words)])}")


@functools.cache
def say_once(line: str) -> None:
    """As `say`, once a process: what is true of a folder is not said again with every model that looks at it."""
    say(line)


def _without_secrets(message: str) -> str:
    """An error may repeat what was given, also an address with a password that was given as a file."""
    from device import addresses  # here: no good end needs it

    return addresses.without_secrets(message)


def _drop_output() -> None:
    """What can't be written goes nowhere: Python flushes once more at exit, and would turn the code into 120."""
    for stream in (sys.stdout, sys.stderr):
        try:
            if stream is not None:
                stream.flush()
        except OSError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _let_any_name_through() -> None:
    """A file name that is no UTF-8, or a sign that the terminal hasn't, is written as an escape."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")


def _silence_native_libraries() -> None:
    """File descriptor 2 goes nowhere, Python's own sys.stderr stays on the terminal.

    TensorFlow, LiteRT, OpenCV and libpng write notices straight to the descriptor, past every logging switch they
    have. FRAMELITE_NATIVE_LOG=1 lets them through, to see why a native library crashed. A child process that shall
    be heard is given `stderr=sys.stderr`.
    """
    if os.environ.get("FRAMELITE_NATIVE_LOG") or sys.stderr is None:
        return
    terminal = os.dup(2)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    sys.stderr = os.fdopen(terminal, "w", buffering=1, encoding=sys.stderr.encoding, errors="backslashreplace")
