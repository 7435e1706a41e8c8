"""The processor's temperature, from Linux's /sys/class/thermal. Many machines have none."""

from pathlib import Path
from time import monotonic

ZONES = Path("/sys/class/thermal")
# Parts of the names of processors' zones: cpu-thermal (Raspberry Pi), x86_pkg_temp, soc_thermal …
PROCESSORS = ("cpu", "x86_pkg", "soc", "k10temp", "acpitz")
PERIOD_S = 2.0


class Thermometer:
    """Reads one zone, at most every two seconds. For one thread."""

    def __init__(self, zones: Path | None = None) -> None:
        self._file = _zone(zones or ZONES)
        self._celsius: float | None = None
        self._read_at = -PERIOD_S

    def celsius(self) -> float | None:
        """None if there is no zone, or it can't be read now."""
        if self._file is not None and monotonic() - self._read_at >= PERIOD_S:
            self._read_at = monotonic()
            self._celsius = _read(self._file)
        return self._celsius


def _zone(zones: Path) -> Path | None:
    """The file of the zone that is most likely the processor's; the first by name if several are."""
    readable = [path for path in sorted(zones.glob("thermal_zone*/temp")) if _read(path) is not None]
    return min(readable, key=_rank, default=None)


def _rank(file: Path) -> int:
    try:
        kind = file.with_name("type").read_text().lower()
    except OSError:
        return len(PROCESSORS)
    return next((i for i, part in enumerate(PROCESSORS) if part in kind), len(PROCESSORS))


def _read(file: Path) -> float | None:
    """The file has thousandths of a degree."""
    try:
        return int(file.read_text()) / 1000
    except (OSError, ValueError):
        return None
