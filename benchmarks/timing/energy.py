"""Energy that the processor's own counters tell: RAPL, on Intel's and AMD's x86, through Linux' powercap.

It is that of the whole package, every core and program and the idle power included: compare what was measured on one
quiet machine, and don't take it for a network's own. Files: Documentation/power/powercap/powercap.rst of the kernel.
"""

from dataclasses import dataclass
from pathlib import Path

from device.host.system import HERE, read_text

ZONES = "sys/class/powercap"


@dataclass
class _Package:
    """One counter, in microjoules; it begins again at zero after `most_uj`."""

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
    """All packages together, since the meter was made. `why`: in a line, why there is nothing to read, else None.

    is_refused: there is a counter, and the user may not read it.
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
            self.why = "this machine has no energy counter for programs to read (no package in /sys/class/powercap)"

    def joules(self) -> float | None:
        """Used so far; None where nothing can be read.

        Read it every minute or so: that a counter began again is seen, that it did so twice between two reads isn't
        (a range of 65 kJ lasts four minutes at 250 W).
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

    Left out: their parts (core, uncore, dram), psys, which holds them, and intel-rapl-mmio, the same by another way.
    """
    zones = sorted((root / ZONES).glob("intel-rapl:*"))
    return [zone for zone in zones if (read_text(zone / "name") or "").startswith("package-")]


def _package(zone: Path) -> _Package:
    most_uj = int((zone / "max_energy_range_uj").read_text())
    return _Package(zone / "energy_uj", most_uj, int((zone / "energy_uj").read_text()))


def _reason(error: OSError | ValueError) -> str:
    if isinstance(error, PermissionError):
        return f"{error.filename} is for root alone (it can betray secrets); run this as root to measure energy"
    return f"the energy counter can't be read: {error}"
