"""Commands that are watched while they run: started, waited for, sent a signal."""

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.conftest import ROOT
from tests.warm import LIGHT, Forked, Warm

# Against a test that would never end; no test is about this time.
PATIENCE_S = 120


@contextmanager
def started(*words: object, cwd: Path, by: Warm = LIGHT, **environment: str) -> Iterator[Forked]:
    """`python -m WORDS…` under way, with pipes; killed when the block is left. by: what it is forked from."""
    process = by.start(words, cwd, {**os.environ, "PYTHONPATH": str(ROOT), **environment})
    deadline = threading.Timer(PATIENCE_S, process.kill)
    deadline.start()
    try:
        yield process
    finally:
        deadline.cancel()
        process.kill()
        process.communicate()


def wait_until(condition: Callable[[], object], process: Forked) -> bool:
    """Waits for a condition; False where the process ended before it came true."""
    while not condition():
        if process.poll() is not None:
            return False
        time.sleep(0.002)
    return True


def wait_for_line(beginning: str, process: Forked) -> str:
    """Reads stderr up to the line that begins so; what came before is in the failure's text."""
    lines = []
    for line in process.stderr:
        if line.startswith(beginning):
            return line
        lines.append(line)
    raise AssertionError(f"no line begins with {beginning!r} in: {''.join(lines)}")


def interrupt(process: Forked) -> tuple[int, str]:
    """Ctrl-C; (exit code, what came on stderr after it)."""
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=PATIENCE_S)
    return process.wait(), stderr
