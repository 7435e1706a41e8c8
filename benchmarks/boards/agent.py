"""What runs on the board: keeps one folder there, takes what is missing in it, and runs commands in it.

It comes through ssh (benchmarks/boards/connection.py) and needs Python's standard library alone. A request is one line
of JSON on stdin, its answer one line on stdout; what commands write on stderr goes through as it comes. An empty line
is Ctrl-C: the command under way is told so, and its answer is what it says by then. When stdin ends the other end has
gone: the command is stopped with all that it has started.
"""

import contextlib
import fcntl
import hashlib
import importlib.util
import json
import os
import platform
import selectors
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

PLACE = Path(os.environ.get("FRAMELITE_CACHE") or Path.home() / ".cache/framelite") / "bench"
ENVIRONMENT, LOCK = "venv", "lock"
PIECE_BYTES = 1 << 20
# In the environment of all that a command starts, also in sessions of their own.
MARK = "FRAMELITE_MEASUREMENT"
# For a command to end by itself after Ctrl-C, before it is killed.
PATIENCE_S = 3


class BusyError(Exception):
    """Another measurement has the folder: two at once would spoil each other's figures."""


def main() -> None:
    """Answers requests until stdin ends. After an error nothing more is taken: it is the last answer."""
    answer(describe())
    requests: dict[str, Callable[..., dict[str, Any]]] = {"keep": keep, "take": take, "run": run, "remove": remove}
    lock: IO[str] | None = None
    for line in iter(sys.stdin.buffer.readline, b""):
        if not line.strip():  # Ctrl-C for a command that had just ended
            continue
        request = json.loads(line)
        try:
            lock = lock or claim()
            answer(requests[request.pop("do")](**request))
        except BusyError:
            answer({"error": "busy"})
            return
        except OSError as error:
            answer({"error": error.strerror, "errno": error.errno, "path": error.filename})
            return


def answer(document: dict[str, Any]) -> None:
    print(json.dumps(document), flush=True)


def describe() -> dict[str, Any]:
    """This Python and what it can do. bits: of its programs, which may be 32 under a 64-bit kernel."""
    return {
        "python": sys.executable,
        "bits": 64 if sys.maxsize > 2**32 else 32,
        "system": platform.system(),
        "place": str(PLACE),
        "can_make_environments": importlib.util.find_spec("ensurepip") is not None,
    }


def claim() -> IO[str]:
    """The folder is this measurement's for as long as the file stays open."""
    PLACE.mkdir(parents=True, exist_ok=True)
    lock = (PLACE / LOCK).open("w")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise BusyError from None
    return lock


def keep(files: dict[str, str]) -> dict[str, Any]:
    """Removes what is not among `files` (path to SHA-256), the environment excepted; says which are missing."""
    for folder, names, there in os.walk(PLACE, topdown=False):
        inside = Path(folder).relative_to(PLACE)
        if inside.parts[:1] == (ENVIRONMENT,):
            continue
        for name in there:
            if name != LOCK and str(inside / name) not in files:
                (PLACE / inside / name).unlink()
        for name in names:
            if str(inside / name) != ENVIRONMENT and not any((PLACE / inside / name).iterdir()):
                (PLACE / inside / name).rmdir()
    return {"missing": [path for path, expected in files.items() if sha256(PLACE / path) != expected]}


def sha256(path: Path) -> str | None:
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else None


def take(files: list[tuple[str, int]]) -> dict[str, Any]:
    """Paths and sizes; the bytes follow on stdin, one file after the other. Each is written whole or not at all."""
    for path, size in files:
        target = PLACE / path
        target.parent.mkdir(parents=True, exist_ok=True)
        temporary = target.with_name(".arriving")
        try:
            with temporary.open("wb") as file:
                copy(file, size)
            temporary.replace(target)
        finally:
            temporary.unlink(missing_ok=True)
    return {}


def copy(file: IO[bytes], size: int) -> None:
    while size:
        piece = sys.stdin.buffer.read(min(size, PIECE_BYTES))
        if not piece:
            sys.exit(1)  # the other end says that the connection was lost
        file.write(piece)
        size -= len(piece)


def run(words: list[str]) -> dict[str, Any]:
    """A command in the folder, in a session of its own: its exit code and what it wrote on stdout."""
    child = subprocess.Popen(
        words,
        cwd=PLACE,
        env={**os.environ, MARK: str(os.getpid())},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        start_new_session=True,
    )
    try:
        output = listen(child)
        return {"code": child.wait(), "output": output.decode(errors="backslashreplace")}
    finally:
        stop(child)


def listen(child: "subprocess.Popen[bytes]") -> bytes:
    """What the child writes, until it ends. Nothing is asked meanwhile: stdin has its end, or an empty line."""
    assert child.stdout is not None
    pipe, said = child.stdout.fileno(), bytearray()
    with selectors.DefaultSelector() as selector:
        selector.register(pipe, selectors.EVENT_READ)
        selector.register(sys.stdin.fileno(), selectors.EVENT_READ)
        while True:
            ready = {key.fd for key, _ in selector.select()}
            if pipe not in ready:
                if not os.read(sys.stdin.fileno(), 1):
                    sys.exit(1)  # the other end says that the connection was lost
                os.killpg(child.pid, signal.SIGINT)
                continue
            piece = os.read(pipe, PIECE_BYTES)
            if not piece:
                return bytes(said)
            said += piece


def stop(child: "subprocess.Popen[bytes]") -> None:
    """Whatever is left of the command: told as by Ctrl-C, then killed with all that it has started."""
    if child.poll() is None:
        os.killpg(child.pid, signal.SIGINT)
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(PATIENCE_S)
    child.kill()
    child.wait()
    # Until they are gone: killing takes a moment, and one that is just being started shows no mark yet.
    deadline = time.monotonic() + PATIENCE_S
    while (left := marked()) and time.monotonic() < deadline:
        for pid in left:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.01)


def marked() -> list[int]:
    """What runs with this agent's mark, by /proc; where there is none, nothing is found."""
    mark, found = f"{MARK}={os.getpid()}\0".encode(), []
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):  # ended meanwhile, or somebody else's
            if mark in (folder / "environ").read_bytes():
                found.append(int(folder.name))
    return found


def remove() -> dict[str, Any]:
    """The environment; a half-made one takes room and is of no use."""
    shutil.rmtree(PLACE / ENVIRONMENT, ignore_errors=True)
    return {}


if __name__ == "__main__":
    main()
