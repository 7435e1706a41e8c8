"""What a Raspberry Pi's firmware says of its power and heat, bit by bit: by `vcgencmd`, or the kernel's copy.

The bits: https://www.raspberrypi.com/documentation/computers/os.html#get_throttled
"""

import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from device.host.system import HERE, read_text

BITS = ("under-voltage", "frequency capped", "throttled", "soft temperature limit")
SINCE_BOOT = 16  # the same four again from this bit on: whether it has happened since the board was started
PATIENCE_S = 10


@dataclass(frozen=True)
class Throttling:
    """What is so now and what has been so since the board was started, in BITS' words. error: why nothing is known."""

    now: tuple[str, ...] = ()
    since_boot: tuple[str, ...] = ()
    error: str | None = None


def read() -> Throttling | None:
    """None where there is no vcgencmd: on every other machine."""
    program = shutil.which("vcgencmd")
    if program is None:
        return None
    try:
        done = subprocess.run([program, "get_throttled"], capture_output=True, text=True, timeout=PATIENCE_S)
    except (OSError, subprocess.TimeoutExpired) as error:
        return Throttling(error=" ".join(str(error).split()))
    found = re.search(r"throttled=0x([0-9a-fA-F]+)", done.stdout)
    if found is None:
        said = (done.stderr or done.stdout).split()
        return Throttling(error=" ".join(said) or f"vcgencmd ended with {done.returncode}")
    return decode(int(found[1], 16))


def kernel_file(root: Path = HERE) -> Path | None:
    """The kernel's copy of the flags; None where there is none, or nothing renews it.

    The firmware driver of Raspberry Pi's kernels shows what the last question to the firmware brought
    (raspberrypi/linux, drivers/firmware/raspberrypi.c). The voltage driver `rpi_volt` asks every two seconds
    (drivers/hwmon/raspberrypi-hwmon.c); without it the copy is as old as the start. That driver also has the upper four
    cleared, so in this file they mean: since it last asked. Found by the driver's name, since the device's is another
    on each model (soc:firmware, soc@107c000000:firmware).
    """
    if "rpi_volt" not in map(read_text, root.glob("sys/class/hwmon/hwmon*/name")):
        return None
    return next(root.glob("sys/bus/platform/drivers/raspberrypi-firmware/*/get_throttled"), None)


def read_kernel(file: Path) -> Throttling:
    """Takes microseconds, where vcgencmd takes milliseconds. The kernel logs once that the file is deprecated."""
    said = read_text(file) or ""
    try:
        return decode(int(said, 16))
    except ValueError:
        return Throttling(error=f"{file} says '{said}', expected a number in hexadecimal digits")


def decode(flags: int) -> Throttling:
    now, since_boot = (
        tuple(word for bit, word in enumerate(BITS, first) if flags >> bit & 1) for first in (0, SINCE_BOOT)
    )
    return Throttling(now, since_boot)
