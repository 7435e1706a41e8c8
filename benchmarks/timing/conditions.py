"""Temperature, clock and throttling while something is measured: cheap enough to be read after every turn.

A read takes 10 to 30 µs for each file of the kernel's (measured on x86; a Raspberry Pi has two, a PC one for each
policy and two for each processor), none of it inside what is timed. vcgencmd takes milliseconds, and is asked only
where the kernel has no copy of what it says, at most every two seconds.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from time import monotonic

from device.host import throttling
from device.host.system import HERE, read_text
from device.host.temperature import PERIOD_S, Thermometer
from device.host.throttling import BITS, Throttling

THROTTLED = "throttled"


@dataclass(frozen=True)
class Conditions:
    """The machine at one moment; None where it doesn't say.

    clock_mhz: what the kernel asks for; on a Raspberry Pi the firmware may give less, and throttled then says so.
    throttled: what is so now or has happened since the last read, in the words of throttling.BITS. Empty on a machine
    that can't tell, as virtual ones can't.
    """

    temperature_c: float | None = None
    clock_mhz: float | None = None
    throttled: tuple[str, ...] = ()


class Watch:
    """Belongs to one thread. What happened before it was made doesn't count."""

    def __init__(self, root: Path = HERE) -> None:
        self._thermometer = Thermometer(root / "sys/class/thermal")
        self._clocks = sorted(root.glob("sys/devices/system/cpu/cpufreq/policy*/scaling_cur_freq"))
        self._firmware = _Firmware(root)
        self._counters = _Counters(root)

    def read(self) -> Conditions:
        """As it is now. The temperature, and what vcgencmd says, may be up to two seconds old."""
        words = {*self._firmware.words(), *self._counters.words()}
        return Conditions(self._thermometer.celsius(), self._clock_mhz(), _in_order(words))

    def _clock_mhz(self) -> float | None:
        """The highest of all policies (groups of cores that share a clock): the busiest core's."""
        return max((khz / 1000 for khz in map(_number, self._clocks) if khz), default=None)


class _Firmware:
    """A Raspberry Pi's flags. One that stays set from the start of the board counts when it appears, once."""

    def __init__(self, root: Path) -> None:
        self._file = throttling.kernel_file(root)
        self._words: tuple[str, ...] = ()
        self._seen: tuple[str, ...] = BITS
        self._knows = True
        self._ask()
        self._seen_at_s = monotonic()

    def words(self) -> tuple[str, ...]:
        if self._knows and (self._file is not None or monotonic() - self._seen_at_s >= PERIOD_S):
            self._seen_at_s = monotonic()
            self._ask()
        return self._words

    def _ask(self) -> None:
        """Without an answer it isn't asked again: a program that hangs or fails would cost more than it tells."""
        state = throttling.read() if self._file is None else throttling.read_kernel(self._file)
        if state is None or state.error is not None:
            self._knows, state = False, Throttling()
        self._words = (*state.now, *(word for word in state.since_boot if word not in self._seen))
        self._seen = state.since_boot


class _Counters:
    """How often x86 processors were too hot, those that this process may use (drivers/thermal/intel/therm_throt.c)."""

    def __init__(self, root: Path) -> None:
        folders = (root / f"sys/devices/system/cpu/cpu{number}/thermal_throttle" for number in _usable())
        self._files = [file for folder in folders for file in sorted(folder.glob("*_throttle_count"))]
        self._counted = self._count()

    def words(self) -> tuple[str, ...]:
        before, self._counted = self._counted, self._count()
        return (THROTTLED,) if self._counted > before else ()

    def _count(self) -> int:
        return sum(number or 0 for number in map(_number, self._files))


@dataclass(frozen=True)
class Summary:
    """What a result row says of all its turns: every word that was said, the lowest and the highest of the numbers."""

    throttled: tuple[str, ...]
    temperature_c: tuple[float, float] | None
    clock_mhz: tuple[float, float] | None


def summary(conditions: Sequence[Conditions]) -> Summary:
    return Summary(
        throttled=_in_order({word for one in conditions for word in one.throttled}),
        temperature_c=_range([one.temperature_c for one in conditions]),
        clock_mhz=_range([one.clock_mhz for one in conditions]),
    )


def _range(values: Sequence[float | None]) -> tuple[float, float] | None:
    known = [value for value in values if value is not None]
    return (min(known), max(known)) if known else None


def _in_order(words: set[str]) -> tuple[str, ...]:
    return tuple(word for word in BITS if word in words)


def _usable() -> list[int]:
    """The numbers of the processors this process may use."""
    return sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else list(range(os.cpu_count() or 1))


def _number(file: Path) -> int | None:
    """None for what is no whole number: some drivers say <unknown>."""
    said = read_text(file) or ""
    return int(said) if said.isdigit() else None
