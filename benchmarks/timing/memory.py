"""This process' peak memory. Uses VmHWM, because a child inherits ru_maxrss from its parent."""

from pathlib import Path

STATUS = Path("/proc/self/status")


def high_water_mark(status: Path = STATUS) -> int | None:
    """This process' largest resident set so far, in bytes; None without /proc."""
    if not status.exists():
        return None
    for line in status.read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    return None
