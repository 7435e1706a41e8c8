"""Energy from the processor's counters: RAPL, on Intel's and AMD's x86, through Linux' powercap.

It is the energy of the whole package, including every core and program and idle power: compare only measurements on one
quiet machine, and don't attribute it to a network. Files: Documentation/power/powercap/powercap.rst of the kernel.
"""

from dataclasses import dataclass
from pathlib import Path

from device.host.system import HERE, read_text

ZONES = "sys/class/powercap"


@dataclass
class _Package:
    """One counter, in microjoules; it wraps around to zero after `most_uj`."""

    file: Path
    most_uj: int
    last_uj: int
    used_uj: int = 0

    def read(self) -> None:
        now_uj = int(self.file.read_text())
        step_uj = now_uj - self.last_uj
        self.used_uj += step_uj if step_uj >= 0 else step_uj + self.most_uj
        self.last_uj = now_uj


class Meter:
    """All packages together, since the meter's creation. why: in one line, why there is nothing to read, else None.

    is_refused: there is a counter, but the user may not read it.
    """

    def __init__(self, root: Path = HERE) -> None:
        self.why: str | None = None
        self.is_refused = False
        self._packages: list[_Package] = []
        try:
            self._packages = [_package(zone) for zone in _zones(root)]
        except (OSError, ValueError) as error:
            self.why, self.is_refused = _reason(error), isinstance(error, PermissionError)
        if not self._packages and self.why is None:
            self.why = "this machine has no readable energy counter (no package in /sys/class/powercap)"

    def joules(self) -> float | None:
        """The energy used so far; None if it can't be read.

        Read it at least every minute: one wrap-around between two reads is detected, two are not (a range of 65 kJ
        lasts four minutes at 250 W).
        """
        if self.why is not None:
            return None
        try:
            for package in self._packages:
                package.read()
        except (OSError, ValueError) as error:
            self.why = _reason(error)
            return None
        return sum(package.used_uj for package in self._packages) / 1e6


def _zones(root: Path) -> list[Path]:
    """The zones of whole packages.

    Without their parts (core, uncore, dram), psys, which contains them, and intel-rapl-mmio, the same by another way.
    """
    zones = sorted((root / ZONES).glob("intel-rapl:*"))
    return [zone for zone in zones if (read_text(zone / "name") or "").startswith("package-")]


def _package(zone: Path) -> _Package:
    most_uj = int((zone / "max_energy_range_uj").read_text())
    return _Package(zone / "energy_uj", most_uj, int((zone / "energy_uj").read_text()))


def _reason(error: OSError | ValueError) -> str:
    if isinstance(error, PermissionError):
        return f"only root may read {error.filename} (it can leak secrets); run this as root to measure energy"
    return f"the energy counter can't be read: {error}"
