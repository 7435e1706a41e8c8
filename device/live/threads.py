"""The fastest number of threads for this model on this host: tried for a second, then kept.

Small networks are slower with more threads, because handing over the work costs more than the work. A trial during
which other processes used the processor isn't kept, since more threads suffer more from that.
"""

import json
import platform
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

from device import command, files
from device.data import content, folders
from device.host import system
from device.inference import timing
from device.inference.runtime import Runtime
from device.places import NoPlaceError

TRIAL_S = 1.0
BLOCK_S = 0.01
# More threads must be so much faster than fewer to be worth the cores.
WORTH = 0.95
# If other processes used the processor for more than this share of a trial, it isn't kept.
MOST_TAKEN = 0.05


@dataclass(frozen=True)
class ThreadTrial:
    """count: the fastest number of threads. taken: the share of time, 0..1, that others used the processor."""

    count: int
    taken: float


def best(path: Path, runtime: Runtime, size: tuple[int, int] | None = None) -> int:
    """The number of threads with the shortest invoke; a smaller one if it is within 5 %. Tried once, then kept.

    A trial beside other busy processes counts only this time, with a note. size: (height, width) for a network that
    leaves them open.
    """
    candidates = system.thread_counts(system.usable_cores())
    if len(candidates) == 1:
        return 1
    count = kept(path, runtime, size)
    if count is None:
        model = path.read_bytes()
        trial = fastest({count: runtime.open(path, count, size, model) for count in candidates})
        count = trial.count
        if trial.taken <= MOST_TAKEN:
            _keep(_key(path, runtime, size), count)
        else:
            command.say(
                f"note: {path}: other processes used the processor for {100 * trial.taken:.0f} % of the trial of"
                f" threads; using {count} now, and trying again next time"
            )
    return count


def kept(path: Path, runtime: Runtime, size: tuple[int, int] | None = None) -> int | None:
    """The result of an earlier trial of this file on this host; None if there is none."""
    try:
        count = _read(_file()).get(_key(path, runtime, size))
    except NoPlaceError:
        return None
    return count if isinstance(count, int) and 1 <= count <= system.usable_cores() else None


def _file() -> Path:
    return folders.cache_root() / "threads.json"


def _key(path: Path, runtime: Runtime, size: tuple[int, int] | None) -> str:
    digest = content.file_hash(path)[:16]
    model = digest if size is None else f"{digest} {size[0]}x{size[1]}"
    return f"{model} {runtime.name} {runtime.version} {platform.machine()} {system.usable_cores()} cores"


def fastest(interpreters: dict[int, Any]) -> ThreadTrial:
    """Times all of them interleaved in blocks, so that a disturbance affects each alike, and compares the median ratios
    of adjacent blocks.
    """
    for interpreter in interpreters.values():
        timing.feed(interpreter)
        interpreter.invoke()
    waited, start = waited_s(), perf_counter()
    counts = sorted(interpreters)
    rounds = timing.rounds([interpreters[count] for count in counts], TRIAL_S, BLOCK_S)
    seconds, waited_since = perf_counter() - start, waited_s()
    if waited is None or waited_since is None:
        # Known everywhere: the CPU time of a single thread, which does all the work of its network.
        taken = 1 - sum(blocks[0].cpu_s for blocks in rounds) / sum(blocks[0].wall_s for blocks in rounds)
    else:
        taken = (waited_since - waited) / seconds
    chosen = 0
    for place in range(1, len(counts)):
        if median(blocks[place].median_s / blocks[chosen].median_s for blocks in rounds) < WORTH:
            chosen = place
    return ThreadTrial(counts[chosen], max(0.0, taken))


def waited_s(root: Path = Path("/proc/self/task")) -> float | None:
    """The total time that this process's threads were ready but waited for the processor.

    Linux counts it for each thread (Documentation/scheduler/sched-stats.rst: CPU time, waiting time, number of
    timeslices); None if it doesn't, which some kernels show as zeros.
    """
    try:
        counts = [[int(word) for word in (task / "schedstat").read_text().split()] for task in root.iterdir()]
        return sum(waited for _, waited, _ in counts) / 1e9 if any(own for own, _, _ in counts) else None
    except (OSError, ValueError):
        return None


def _read(path: Path) -> dict[str, Any]:
    try:
        known = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    return known if isinstance(known, dict) else {}


def _keep(key: str, count: int) -> None:
    """If it can't be kept, the next start tries again."""
    try:
        path = _file()
        files.write_json(path, {**_read(path), key: count})
    except NoPlaceError as error:
        command.say(f"note: the number of threads can't be kept: {error}")
    except OSError as error:
        command.say(f"note: {path}: the number of threads can't be kept ({error.strerror})")
