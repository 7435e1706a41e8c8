"""The program on the board: keeps a folder there, receives missing files, and runs commands in it.

It is sent through ssh (benchmarks/boards/connection.py) and needs only Python's standard library. A request is one line
of JSON on stdin, its response one line on stdout; the commands' stderr passes through. An empty line means Ctrl-C: the
running command gets the signal, and the response has its output so far. When stdin ends, the other side has gone: the
command and its children are stopped.
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
# Marks the environment of a command's children, also in other sessions.
MARK = "FRAMELITE_MEASUREMENT"
# The time for a command to end after Ctrl-C, before it is killed.
PATIENCE_S = 3


class BusyError(Exception):
    """Another measurement uses the folder; two at once would disturb each other."""


def main() -> None:
    """Serves requests until stdin ends, or until an error, which is the last response."""
    respond(describe())
    requests: dict[str, Callable[..., dict[str, Any]]] = {"keep": keep, "take": take, "run": run, "remove": remove}
    lock: IO[str] | None = None
    for line in iter(sys.stdin.buffer.readline, b""):
        if not line.strip():  # Ctrl-C for a command that has just ended
            continue
        request = json.loads(line)
        try:
            lock = lock or claim()
            respond(requests[request.pop("do")](**request))
        except BusyError:
            respond({"error": "busy"})
            return
        except OSError as error:
            respond({"error": error.strerror, "errno": error.errno, "path": error.filename})
            return


def respond(document: dict[str, Any]) -> None:
    print(json.dumps(document), flush=True)


def describe() -> dict[str, Any]:
    """This Python and its abilities. bits: of its programs, which may be 32 under a 64-bit kernel."""
    return {
        "python": sys.executable,
        "bits": 64 if sys.maxsize > 2**32 else 32,
        "system": platform.system(),
        "place": str(PLACE),
        "can_make_environments": importlib.util.find_spec("ensurepip") is not None,
    }


def claim() -> IO[str]:
    """Reserves the folder for this measurement, while the file is open."""
    PLACE.mkdir(parents=True, exist_ok=True)
    lock = (PLACE / LOCK).open("w")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise BusyError from None
    return lock


def keep(files: dict[str, str]) -> dict[str, Any]:
    """Removes what is not in `files` (path to SHA-256), except the environment; returns which are missing."""
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
    """Receives files of these paths and sizes from stdin, in order. Writes each whole or not at all."""
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
            sys.exit(1)  # the other side reports the lost connection
        file.write(piece)
        size -= len(piece)


def run(words: list[str]) -> dict[str, Any]:
    """Runs a command in the folder, in its own session; returns its exit code and its stdout."""
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
    """The child's output, until it ends. Meanwhile stdin only has its end, or an empty line."""
    assert child.stdout is not None
    pipe, output = child.stdout.fileno(), bytearray()
    with selectors.DefaultSelector() as selector:
        selector.register(pipe, selectors.EVENT_READ)
        selector.register(sys.stdin.fileno(), selectors.EVENT_READ)
        while True:
            ready = {key.fd for key, _ in selector.select()}
            if pipe not in ready:
                if not os.read(sys.stdin.fileno(), 1):
                    sys.exit(1)  # the other side reports the lost connection
                os.killpg(child.pid, signal.SIGINT)
                continue
            piece = os.read(pipe, PIECE_BYTES)
            if not piece:
                return bytes(output)
            output += piece


def stop(child: "subprocess.Popen[bytes]") -> None:
    """Ends a command that is still running: Ctrl-C, then SIGKILL for it and its children."""
    if child.poll() is None:
        os.killpg(child.pid, signal.SIGINT)
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(PATIENCE_S)
    child.kill()
    child.wait()
    # Until they are gone: killing takes a moment, and a process that is just starting has no mark yet.
    deadline = time.monotonic() + PATIENCE_S
    while (left := marked()) and time.monotonic() < deadline:
        for pid in left:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.01)


def marked() -> list[int]:
    """The processes with this agent's mark, from /proc; none without /proc."""
    mark, found = f"{MARK}={os.getpid()}\0".encode(), []
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):  # ended meanwhile, or somebody else's
            if mark in (folder / "environ").read_bytes():
                found.append(int(folder.name))
    return found


def remove() -> dict[str, Any]:
    """Removes the environment; an incomplete one is useless."""
    shutil.rmtree(PLACE / ENVIRONMENT, ignore_errors=True)
    return {}


if __name__ == "__main__":
    main()
