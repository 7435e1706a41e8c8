"""Was a board throttled? Compares its firmware's flags before and after a measurement.

    python -m benchmarks.boards.health      this machine's flags now, as JSON

A board without flags is never called good.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.documents.machine import BoardThrottling
from benchmarks.documents.rows import LatencyRow
from device import records
from device.host import throttling
from device.host.system import HERE
from device.host.throttling import Throttling

HELP = "see docs/raspberry-pi.md"


@dataclass(frozen=True)
class Health:
    """The throttling flags during the measurement, and those from boot until then.

    In the words of device/host/throttling.py. unknown: why there are no flags; None if there are.
    """

    measuring: tuple[str, ...] = ()
    before: tuple[str, ...] = ()
    unknown: str | None = None


def read(root: Path = HERE) -> Throttling | None:
    """The flags; None without vcgencmd, the kernel's copy of the flags, and x86's thermal counters."""
    flags, file = throttling.read(), throttling.kernel_file(root)
    if flags is None and file is not None:
        # The upper flags of this copy mean: since its last update, two seconds ago.
        copy = throttling.read_kernel(file)
        flags = Throttling((*copy.now, *copy.since_boot), (), copy.error)
    if flags is None:
        counters = root.glob("sys/devices/system/cpu/cpu*/thermal_throttle/*_throttle_count")
        flags = Throttling() if any(counters) else None  # the rows have what they count
    return flags


def parse(output: str) -> Throttling | None:
    """Reads the output of `python -m benchmarks.boards.health` on another machine. ValueError for anything else."""
    document = json.loads(output)
    if document is None:
        return None
    return records.record(Throttling, document, "the board's output", records.LENIENT)


def judge(before: Throttling | None, after: Throttling | None, rows: Sequence[LatencyRow]) -> Health:
    """Judges two readings and the rows' flags. A flag that is new among those since boot was set in between."""
    noted = [word for row in rows for word in row.throttled]
    if before is None or after is None:
        return Health(measuring=throttling.in_order(noted), unknown="no vcgencmd there")
    had = set(before.since_boot)
    new = set(after.since_boot) - had
    measuring, earlier = throttling.in_order([*noted, *before.now, *after.now, *new]), throttling.in_order(had)
    return Health(measuring, earlier, after.error or before.error)


def board_throttling(health: Health) -> BoardThrottling | None:
    """For the result document's machine; None if there are no flags."""
    if health.unknown and not health.measuring:
        return None
    return BoardThrottling(health.measuring, health.before)


def lines(health: Health, name: str) -> list[str]:
    """A warning or note on the figures; none if all is well."""
    if health.measuring:
        return [
            f"WARNING: {name} was throttled during the measurement ({', '.join(health.measuring)}):"
            f" these figures are not what the board can do; {HELP}"
        ]
    if health.unknown:
        return [f"note: whether {name} was throttled is unknown ({health.unknown}), so these figures may be too slow"]
    if health.before:
        return [
            f"note: {name} was throttled earlier since boot ({', '.join(health.before)}), not during the measurement;"
            f" {HELP}"
        ]
    return []


if __name__ == "__main__":
    print(json.dumps(records.to_json(read())))
