"""A Raspberry Pi's firmware of its power and heat: bits, the program that shows them, and the kernel's copy."""

from pathlib import Path

import pytest

from device.host import throttling
from device.host.throttling import Throttling
from tests.device import machines, sensors


@pytest.mark.parametrize(
    ("flags", "now", "since_boot"),
    [
        (0x0, (), ()),
        (0x1, ("under-voltage",), ()),
        (0x2, ("frequency capped",), ()),
        (0x4, ("throttled",), ()),
        (0x8, ("soft temperature limit",), ()),
        (0x10000, (), ("under-voltage",)),
        (0x20000, (), ("frequency capped",)),
        (0x40000, (), ("throttled",)),
        (0x80000, (), ("soft temperature limit",)),
        (0x50005, ("under-voltage", "throttled"), ("under-voltage", "throttled")),
        (0xFFF0FFF0, (), ()),
        (0xF000F, throttling.BITS, throttling.BITS),
    ],
)
def test_every_bit_is_decoded(flags: int, now: tuple[str, ...], since_boot: tuple[str, ...]) -> None:
    assert throttling.decode(flags) == Throttling(now, since_boot)


def test_vcgencmd_is_asked(programs: Path) -> None:
    assert throttling.read() is None
    machines.program(programs, "vcgencmd", "throttled=0x20000")
    assert throttling.read() == Throttling((), ("frequency capped",))
    machines.program(programs, "vcgencmd", "Can't open device file: /dev/vcio\nTry creating a device file", 1, stream=2)
    assert throttling.read() == Throttling(error="Can't open device file: /dev/vcio Try creating a device file")
    machines.program(programs, "vcgencmd", "", 3)
    assert throttling.read() == Throttling(error="vcgencmd ended with 3")
    (programs / "vcgencmd").write_bytes(b"\x7fELF of another processor")
    unusable = throttling.read()
    assert unusable is not None and unusable.error is not None and "vcgencmd" in unusable.error


@pytest.mark.parametrize("device", ["soc:firmware", "soc@107c000000:firmware"])
def test_the_kernels_copy(device: str, tmp_path: Path) -> None:
    """As a Raspberry Pi 4 and a 5 call the device; without the driver that renews it, the file says nothing."""
    file = sensors.firmware(tmp_path, 0x50005, device, renewed=False)
    assert throttling.kernel_file(tmp_path) is None
    machines.write(tmp_path, sys__class__hwmon__hwmon1__name="rpi_volt\n")
    found = throttling.kernel_file(tmp_path)
    assert found is not None and found.samefile(file)
    both = ("under-voltage", "throttled")
    assert throttling.read_kernel(found) == Throttling(both, both)
    file.write_text("0\n")
    assert throttling.read_kernel(found) == Throttling()
    file.write_text("")
    error = throttling.read_kernel(found).error or ""
    assert error.endswith("get_throttled contains '', expected a hexadecimal number")
