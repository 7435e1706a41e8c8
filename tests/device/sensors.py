"""What Linux shows of sensors and counters that are not here, written by hand below a folder; and being nobody.

A Raspberry Pi's firmware flags, an x86 processor's thermal counters, clocks and energy: the machine that tests run on
has none of them, or can't be made to change them.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.device import machines

POWERCAP = "sys/class/powercap"


def firmware(root: Path, flags: int, device: str = "soc:firmware", renewed: bool = True) -> Path:
    """The flags as raspberrypi/linux shows them, hexadecimal without 0x; renewed: by the voltage driver."""
    file = root / f"sys/devices/platform/soc/{device}/get_throttled"
    drivers = root / "sys/bus/platform/drivers/raspberrypi-firmware"
    file.parent.mkdir(parents=True)
    drivers.mkdir(parents=True)
    file.write_text(f"{flags:x}\n")
    (drivers / device).symlink_to(file.parent)  # a driver's folder holds a link to each of its devices
    machines.write(root, sys__class__hwmon__hwmon0__name="cpu_thermal\n")
    if renewed:
        machines.write(root, sys__class__hwmon__hwmon1__name="rpi_volt\n")
    return file


def clock(root: Path, policy: int, khz: object) -> None:
    machines.write(root, **{f"sys__devices__system__cpu__cpufreq__policy{policy}__scaling_cur_freq": f"{khz}\n"})


def hot_counter(root: Path, processor: int, name: str, count: int) -> None:
    """name: core or package."""
    folder = f"sys/devices/system/cpu/cpu{processor}/thermal_throttle"
    machines.write(root, **{f"{folder}/{name}_throttle_count": f"{count}\n"})


def energy(root: Path, zone: str, name: str, used_uj: object, most_uj: int = 1_000_000) -> Path:
    """A power zone; returns the file of its counter."""
    folder = root / POWERCAP / zone
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "name").write_text(f"{name}\n")
    (folder / "max_energy_range_uj").write_text(f"{most_uj}\n")
    counter = folder / "energy_uj"
    counter.write_text(f"{used_uj}\n")
    return counter


@contextmanager
def as_nobody() -> Iterator[None]:
    """Without root's rights, to whom every file is open."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)
