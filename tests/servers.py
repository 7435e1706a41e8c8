"""Real servers on the loopback: where their programs lie, a port for each, and when they answer."""

import itertools
import os
import random
import shutil
import socket
import subprocess
import time
from collections.abc import Callable

from tests.conftest import missing

# Against a test that would never end; no test is about this time.
PATIENCE_S = 20
# Where Debian puts what only root has on its PATH.
SYSTEM_PATH = f"{os.environ.get('PATH', '')}:/usr/sbin"


def program(name: str, packages: str) -> str:
    """Its path; without it the test is skipped, or fails where nothing may be missing. packages: Debian's names."""
    found = shutil.which(name, path=SYSTEM_PATH)
    if found is None:
        missing(f"no {name}; install it with: apt install {packages}")
    assert found is not None
    return found


# Below those that Linux gives to who doesn't mind which (32768 and more), and others for each of pytest's workers: a
# port stays free until the server that it is for begins.
_FIRST, _EACH = 20_000, 1_000
_WORKER = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
_NUMBERS = itertools.count(random.Random().randrange(_EACH))


def free_port() -> int:
    """One that nobody has, and nobody else is given for the time of a test."""
    for number in itertools.islice(_NUMBERS, _EACH):
        port = _FIRST + _EACH * (_WORKER % 12) + number % _EACH
        try:
            with socket.create_server(("127.0.0.1", port)):
                return port
        except OSError:  # somebody else's server
            continue
    raise AssertionError(f"none of {_EACH} ports is free")


def wait_for(port: int, process: "subprocess.Popen[bytes]", log: Callable[[], str] = str) -> None:
    """Until the process listens; fails with its log when it ended before, or doesn't in time."""
    deadline = time.monotonic() + PATIENCE_S
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S).close()
            return
        except ConnectionRefusedError:
            alive = process.poll() is None and time.monotonic() < deadline
            assert alive, f"{process.args!r} doesn't listen: {log()}"
            time.sleep(0.01)
