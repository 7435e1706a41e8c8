"""The most memory this process has had so far. VmHWM, not ru_maxrss: a child inherits that from its parent."""

from pathlib import Path

STATUS = Path("/proc/self/status")


def high_water_mark() -> int | None:
    """This process's largest resident set so far, in bytes; None where there is no /proc."""
    if not STATUS.exists():
        return None
    for line in STATUS.read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    return None
