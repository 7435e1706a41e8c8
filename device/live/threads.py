"""How many threads the interpreter is fastest with, on this machine, for this model: tried for a second, then kept.

Small networks are slower with more: handing work over costs more than the work.
"""

import hashlib
import json
import platform
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

import numpy as np

from device import board, command, files, folders
from device.places import NoPlaceError
from device.runtime import Runtime

TRIAL_S = 1.0
BLOCK_S = 0.01
# So much faster it must be than the next smaller number to be worth the cores.
WORTH = 0.95


def best(path: Path, runtime: Runtime, size: tuple[int, int] | None = None) -> int:
    """The number of threads with the shortest invoke; a smaller one where it is within 5 %. Tried once, then kept.

    size: (height, width) for a network that leaves them open.
    """
    candidates = board.thread_counts(board.usable_cores())
    if len(candidates) == 1:
        return 1
    count = kept(path, runtime, size)
    if count is None:
        content = path.read_bytes()
        count = _fastest({count: runtime.open(path, count, size, content) for count in candidates})
        _keep(_key(path, runtime, size), count)
    return count


def kept(path: Path, runtime: Runtime, size: tuple[int, int] | None = None) -> int | None:
    """What an earlier trial of this very file found on this machine; None where there was none."""
    try:
        count = _read(_file()).get(_key(path, runtime, size))
    except NoPlaceError:
        return None
    return count if isinstance(count, int) and 1 <= count <= board.usable_cores() else None


def _file() -> Path:
    return folders.cache_root() / "threads.json"


def _key(path: Path, runtime: Runtime, size: tuple[int, int] | None) -> str:
    model = _digest(path) if size is None else f"{_digest(path)} {size[0]}x{size[1]}"
    return f"{model} {runtime.name} {runtime.version} {platform.machine()} {board.usable_cores()} cores"


def _fastest(interpreters: dict[int, Any]) -> int:
    """All in turn, block by block, so that a neighbour on the machine troubles each alike."""
    for interpreter in interpreters.values():
        details = interpreter.get_input_details()[0]
        interpreter.set_tensor(details["index"], np.zeros(details["shape"], details["dtype"]))
        interpreter.invoke()
    samples: dict[int, list[float]] = {count: [] for count in interpreters}
    end = perf_counter() + TRIAL_S
    while perf_counter() < end or not all(samples.values()):
        for count, interpreter in interpreters.items():
            block_end = perf_counter() + BLOCK_S
            while True:
                start = perf_counter()
                interpreter.invoke()
                now = perf_counter()
                samples[count].append(now - start)
                if now >= block_end:
                    break
    chosen = 1
    for count in sorted(samples)[1:]:
        if median(samples[count]) < WORTH * median(samples[chosen]):
            chosen = count
    return chosen


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:16]


def _read(path: Path) -> dict[str, Any]:
    try:
        known = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    return known if isinstance(known, dict) else {}


def _keep(key: str, count: int) -> None:
    """Where it can't be kept, it is tried again next time."""
    try:
        path = _file()
        files.write_json(path, {**_read(path), key: count})
    except NoPlaceError as error:
        command.say(f"note: the number of threads can't be kept: {error}")
    except OSError as error:
        command.say(f"note: {path}: the number of threads can't be kept ({error.strerror})")
