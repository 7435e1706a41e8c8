"""One damaged file in a child process of its own: how that ended."""

import os
import resource
import signal
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from device.errors import UserError

End = Literal["answered", "refused", "traceback", "killed", "hung"]
ENDS: tuple[End, ...] = ("answered", "refused", "traceback", "killed", "hung")
PATIENCE_S = 20
# More than any sound file needs; without it a network of terabytes would be given them, on paper.
MEMORY_BYTES = 4 * 2**30
REFUSED, FAULTY = 2, 70


@dataclass(frozen=True)
class Outcome:
    """end: how it ended; said: the refusal, the traceback's last line and place, or the signal."""

    end: End
    said: str


def ask(work: Callable[[], object]) -> Outcome:
    """Runs it in a fork of this process, which must have no threads: one that dies takes nothing with it."""
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        os.close(reading)
        _run(work, writing)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        said = pipe.read().decode(errors="replace")
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        return Outcome("hung" if number == signal.SIGALRM else "killed", signal.Signals(number).name)
    code = os.WEXITSTATUS(status)
    ends: dict[int, End] = {0: "answered", REFUSED: "refused", FAULTY: "traceback"}
    return Outcome(ends.get(code, "killed"), said if code in ends else f"exit code {code}")


def _run(work: Callable[[], object], writing: int) -> None:
    """In the child; never returns."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)
    signal.alarm(PATIENCE_S)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    code, said = 0, ""
    try:
        work()
    except UserError as error:
        code, said = (REFUSED, str(error)) if len(str(error).splitlines()) == 1 else (FAULTY, "more than one line")
    except BaseException as error:
        last = traceback.extract_tb(error.__traceback__)[-1]
        code, said = FAULTY, f"{type(error).__name__} in {os.path.basename(last.filename)}:{last.lineno}: {error}"  # noqa: PTH119
    os.write(writing, said.encode(errors="replace")[:2000])
    os._exit(code)
