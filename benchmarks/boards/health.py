"""Whether a board held back: what its firmware says before and after a measurement, and how that is told.

    python -m benchmarks.boards.health      what this machine says now, as JSON

A board that can't tell is not called good.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.documents.machine import HeldBack
from benchmarks.documents.rows import LatencyRow
from device import records
from device.host import throttling
from device.host.system import HERE
from device.host.throttling import Throttling

HELP = "see docs/raspberry-pi.md"


@dataclass(frozen=True)
class Health:
    """What was so while it measured, and what had been so before, since the board was started.

    Words of device/host/throttling.py. unknown: why the board can't tell; None where it can.
    """

    measuring: tuple[str, ...] = ()
    before: tuple[str, ...] = ()
    unknown: str | None = None


def read(root: Path = HERE) -> Throttling | None:
    """None where the machine can't tell: it has neither vcgencmd, nor the kernel's copy, nor x86's counters of heat."""
    said, file = throttling.read(), throttling.kernel_file(root)
    if said is None and file is not None:
        # This copy's later flags mean: since it was last renewed, two seconds ago.
        copy = throttling.read_kernel(file)
        said = Throttling((*copy.now, *copy.since_boot), (), copy.error)
    if said is None:
        counters = root.glob("sys/devices/system/cpu/cpu*/thermal_throttle/*_throttle_count")
        said = Throttling() if any(counters) else None  # what they count is noted in the rows
    return said


def told(answer: str) -> Throttling | None:
    """What `python -m benchmarks.boards.health` printed on another machine. ValueError for anything else."""
    document = json.loads(answer)
    return None if document is None else records.record(Throttling, document, "the board's answer", tolerant=True)


def judge(before: Throttling | None, after: Throttling | None, rows: Sequence[LatencyRow]) -> Health:
    """Of two readings and what the rows noted. A flag that is new among those since the start was up in between."""
    noted = [word for row in rows for word in row.throttled]
    if before is None or after is None:
        return Health(measuring=_ordered(noted), unknown="no vcgencmd there")
    had = set(before.since_boot)
    new = set(after.since_boot) - had
    return Health(_ordered([*noted, *before.now, *after.now, *new]), _ordered(had), after.error or before.error)


def _ordered(words: Sequence[str] | set[str]) -> tuple[str, ...]:
    return tuple(word for word in throttling.BITS if word in words)


def held_back(health: Health) -> HeldBack | None:
    """For the result document's machine; None where the board can't tell and nothing was noted."""
    if health.unknown and not health.measuring:
        return None
    return HeldBack(health.measuring, health.before)


def lines(health: Health, name: str) -> list[str]:
    """What must be said of the figures, the gravest first; nothing where all is well."""
    if health.measuring:
        return [
            f"WARNING: {name} held back while it was measured ({', '.join(health.measuring)}):"
            f" these figures are not what the board can do; {HELP}"
        ]
    if health.unknown:
        return [f"note: {name} can't tell whether it held back ({health.unknown}): nothing shows these figures good"]
    if health.before:
        return [
            f"note: {name} held back earlier, since it was started ({', '.join(health.before)}), not while it was"
            f" measured; {HELP}"
        ]
    return []


if __name__ == "__main__":
    print(json.dumps(records.to_json(read())))
