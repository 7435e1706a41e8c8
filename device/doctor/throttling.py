"""What a Raspberry Pi's firmware says of its power and heat: `vcgencmd get_throttled`, bit by bit.

The bits: https://www.raspberrypi.com/documentation/computers/os.html#get_throttled
"""

import re
import shutil
import subprocess
from dataclasses import dataclass

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


def decode(flags: int) -> Throttling:
    now, since_boot = (
        tuple(word for bit, word in enumerate(BITS, first) if flags >> bit & 1) for first in (0, SINCE_BOOT)
    )
    return Throttling(now, since_boot)
