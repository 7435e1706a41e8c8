"""What the machine does while it is measured, on machines written by hand: this one has no sensors to heat up."""

import os
from pathlib import Path

import pytest

from benchmarks.timing import conditions
from benchmarks.timing.conditions import Conditions, Summary, Watch
from device.host import temperature
from device.host.throttling import BITS
from tests.device import machines, sensors
from tests.limits import limits

# One that this process may use, and one that it may not.
MINE = min(os.sched_getaffinity(0))
OTHERS = max(os.sched_getaffinity(0)) + 1


# This machine's own vcgencmd is not asked.
pytestmark = pytest.mark.usefixtures("programs")


def test_a_machine_that_says_nothing(root: Path) -> None:
    assert Watch(root).read() == Conditions(None, None, ())


def test_this_machine() -> None:
    now = Watch().read()
    assert now.clock_mhz is None or 50 < now.clock_mhz < 10_000
    assert now.temperature_c is None or -50 < now.temperature_c < 150
    assert set(now.throttled) <= set(BITS)


def test_temperature_and_the_highest_clock(root: Path) -> None:
    machines.zone(root, "cpu-thermal", 48312)
    sensors.clock(root, 0, 1_500_000)
    sensors.clock(root, 4, 2_400_500)
    sensors.clock(root, 6, "<unknown>")
    watch = Watch(root)
    assert watch.read() == Conditions(48.312, 2400.5, ())
    sensors.clock(root, 4, 600_000)
    machines.zone(root, "cpu-thermal", 81000)
    assert watch.read() == Conditions(48.312, 1500, ())  # a temperature is good for two seconds


def test_a_clock_that_is_not_told_any_more(root: Path) -> None:
    sensors.clock(root, 0, 1_500_000)
    watch = Watch(root)
    sensors.clock(root, 0, "<unknown>")
    assert watch.read().clock_mhz is None


def test_a_raspberry_pi_by_the_kernels_copy(root: Path) -> None:
    file = sensors.firmware(root, 0x10000)  # under-voltage at some time before, not now
    watch = Watch(root)
    told = []
    for flags in (0x10000, 0x50004, 0x50000, 0xD0000, 0x0, 0x10000, 0x1000A):
        file.write_text(f"{flags:x}\n")
        told.append(watch.read().throttled)
    assert told == [
        (),
        ("throttled",),  # now
        (),  # it had been told
        ("soft temperature limit",),  # between two reads
        (),
        ("under-voltage",),  # the kernel's driver had cleared it: it has happened again
        ("frequency capped", "soft temperature limit"),
    ]


def test_what_is_so_from_the_beginning(root: Path) -> None:
    sensors.firmware(root, 0x50005)
    assert Watch(root).read().throttled == ("under-voltage", "throttled")


def test_the_kernels_copy_goes_before_the_program(root: Path, programs: Path) -> None:
    machines.program(programs, "vcgencmd", "throttled=0x1")
    sensors.firmware(root, 0x2)
    assert Watch(root).read().throttled == ("frequency capped",)


def test_a_copy_that_breaks_off_is_not_asked_again(root: Path) -> None:
    file = sensors.firmware(root, 0x1)
    watch = Watch(root)
    file.write_text("")
    assert watch.read().throttled == ()
    file.write_text("1\n")
    assert watch.read().throttled == ()


def test_vcgencmd_is_asked_every_two_seconds(root: Path, programs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nothing renews the kernel's copy."""
    sensors.firmware(root, 0xF, renewed=False)
    machines.program(programs, "vcgencmd", "throttled=0x50001")
    watch = Watch(root)
    assert watch.read().throttled == ("under-voltage",)
    machines.program(programs, "vcgencmd", "throttled=0xd0000")
    assert watch.read().throttled == ("under-voltage",)
    limits(monkeypatch, conditions, PERIOD_S=0.0)
    assert watch.read().throttled == ("soft temperature limit",)
    assert watch.read().throttled == ()
    assert temperature.PERIOD_S == 2


def test_a_vcgencmd_that_fails_is_asked_once(root: Path, programs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    limits(monkeypatch, conditions, PERIOD_S=0.0)
    machines.program(programs, "vcgencmd", "VCHI initialization failed", 1)
    watch = Watch(root)
    machines.program(programs, "vcgencmd", "throttled=0x1")
    assert watch.read().throttled == ()


@pytest.mark.parametrize("name", ["core", "package"])
def test_an_x86_that_was_too_hot(name: str, root: Path) -> None:
    for processor in (MINE, OTHERS):
        for kind in ("core", "package"):
            sensors.hot_counter(root, processor, kind, 7)
    watch = Watch(root)
    assert watch.read().throttled == ()  # seven times since the start, but not while this ran
    sensors.hot_counter(root, OTHERS, name, 8)
    assert watch.read().throttled == ()
    sensors.hot_counter(root, MINE, name, 9)
    assert watch.read().throttled == ("throttled",)
    assert watch.read().throttled == ()


def test_a_summary() -> None:
    read = [
        Conditions(48.0, 1500.0, ("throttled",)),
        Conditions(None, 600.0, ()),
        Conditions(61.5, None, ("under-voltage", "throttled")),
    ]
    assert conditions.summary(read) == Summary(("under-voltage", "throttled"), (48.0, 61.5), (600.0, 1500.0))
    assert conditions.summary([]) == conditions.summary([Conditions()]) == Summary((), None, None)
