"""Temperature, clock and throttling flags during a measurement: cheap enough to read after every burst.

A read takes 10 to 30 µs per file of the kernel (measured on x86; a Raspberry Pi has two, a PC one for each policy and
two for each processor), none of it inside timed blocks. vcgencmd takes milliseconds; it is used only if the kernel has
no copy of the flags, at most every two seconds.
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
    """The machine at one moment; None where unknown.

    clock_mhz: requested by the kernel; on a Raspberry Pi the firmware may give less, which `throttled` shows.
    throttled: the flags now or since the last read, in the words of throttling.BITS. Empty if unknown, as on virtual
    machines.
    """

    temperature_c: float | None = None
    clock_mhz: float | None = None
    throttled: tuple[str, ...] = ()


class Watch:
    """Reads conditions, from its creation on. For one thread."""

    def __init__(self, root: Path = HERE) -> None:
        self._thermometer = Thermometer(root / "sys/class/thermal")
        self._clocks = sorted(root.glob("sys/devices/system/cpu/cpufreq/policy*/scaling_cur_freq"))
        self._firmware = _Firmware(root)
        self._counters = _Counters(root)

    def read(self) -> Conditions:
        """The current conditions. The temperature and vcgencmd's flags may be up to two seconds old."""
        words = {*self._firmware.words(), *self._counters.words()}
        return Conditions(self._thermometer.celsius(), self._clock_mhz(), throttling.in_order(words))

    def _clock_mhz(self) -> float | None:
        """The highest of all policies (groups of cores that share a clock): the busiest core's."""
        return max((khz / 1000 for khz in map(_number, self._clocks) if khz), default=None)


class _Firmware:
    """A Raspberry Pi's flags. A flag since boot counts once, when it appears."""

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
        """Reads the flags; never again after a failure, since a hanging program would cost too much."""
        state = throttling.read() if self._file is None else throttling.read_kernel(self._file)
        if state is None or state.error is not None:
            self._knows, state = False, Throttling()
        self._words = (*state.now, *(word for word in state.since_boot if word not in self._seen))
        self._seen = state.since_boot


class _Counters:
    """x86's thermal throttling counters of this process' processors (drivers/thermal/intel/therm_throt.c)."""

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
    """A result row's summary of all its bursts: every flag, the lowest and the highest numbers."""

    throttled: tuple[str, ...]
    temperature_c: tuple[float, float] | None
    clock_mhz: tuple[float, float] | None


def summary(conditions: Sequence[Conditions]) -> Summary:
    """Of the conditions after every burst of a row."""
    return Summary(
        throttled=throttling.in_order({word for one in conditions for word in one.throttled}),
        temperature_c=_range([one.temperature_c for one in conditions]),
        clock_mhz=_range([one.clock_mhz for one in conditions]),
    )


def _range(values: Sequence[float | None]) -> tuple[float, float] | None:
    known = [value for value in values if value is not None]
    return (min(known), max(known)) if known else None


def _usable() -> list[int]:
    """The numbers of the processors this process may use."""
    return sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else list(range(os.cpu_count() or 1))


def _number(file: Path) -> int | None:
    """The file's integer; None for anything else: some drivers write <unknown>."""
    content = read_text(file) or ""
    return int(content) if content.isdigit() else None
