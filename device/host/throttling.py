"""A Raspberry Pi's throttling flags, from its firmware by `vcgencmd`, or from the kernel's copy.

The bits: https://www.raspberrypi.com/documentation/computers/os.html#get_throttled
"""

import re
import shutil
import subprocess
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from device.host.system import HERE, read_text

BITS = ("under-voltage", "frequency capped", "throttled", "soft temperature limit")
SINCE_BOOT = 16  # from this bit on, the same four flags since boot
PATIENCE_S = 10


@dataclass(frozen=True)
class Throttling:
    """The flags that are set now, and those that were set since boot, in the words of BITS. error: why unknown."""

    now: tuple[str, ...] = ()
    since_boot: tuple[str, ...] = ()
    error: str | None = None


def in_order(words: Collection[str]) -> tuple[str, ...]:
    """Those of BITS, in their order."""
    return tuple(word for word in BITS if word in words)


def read() -> Throttling | None:
    """Asks vcgencmd; None if there is none, as on every other machine."""
    program = shutil.which("vcgencmd")
    if program is None:
        return None
    try:
        done = subprocess.run([program, "get_throttled"], capture_output=True, text=True, timeout=PATIENCE_S)
    except (OSError, subprocess.TimeoutExpired) as error:
        return Throttling(error=" ".join(str(error).split()))
    found = re.search(r"throttled=0x([0-9a-fA-F]+)", done.stdout)
    if found is None:
        output = (done.stderr or done.stdout).split()
        return Throttling(error=" ".join(output) or f"vcgencmd ended with {done.returncode}")
    return decode(int(found[1], 16))


def kernel_file(root: Path = HERE) -> Path | None:
    """The kernel's copy of the flags; None if there is none, or nothing updates it.

    The firmware driver of Raspberry Pi's kernels shows the result of the last query (raspberrypi/linux,
    drivers/firmware/raspberrypi.c). The voltage driver `rpi_volt` queries every two seconds
    (drivers/hwmon/raspberrypi-hwmon.c); without it the copy stays as it was at boot. That driver also clears the upper
    four flags, so in this file they mean: since its last query. The file is found by the driver's name, since the
    device's differs by model (soc:firmware, soc@107c000000:firmware).
    """
    if "rpi_volt" not in map(read_text, root.glob("sys/class/hwmon/hwmon*/name")):
        return None
    return next(root.glob("sys/bus/platform/drivers/raspberrypi-firmware/*/get_throttled"), None)


def read_kernel(file: Path) -> Throttling:
    """Takes microseconds; vcgencmd takes milliseconds. The kernel logs once that the file is deprecated."""
    flags = read_text(file) or ""
    try:
        return decode(int(flags, 16))
    except ValueError:
        return Throttling(error=f"{file} contains '{flags}', expected a hexadecimal number")


def decode(flags: int) -> Throttling:
    """The flags in the firmware's number: BITS from its lowest bit on, and from bit 16 on the same since boot."""
    now, since_boot = (
        tuple(word for bit, word in enumerate(BITS, first) if flags >> bit & 1) for first in (0, SINCE_BOOT)
    )
    return Throttling(now, since_boot)
