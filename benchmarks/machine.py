"""What a figure was measured on: processor, cores, memory, system, governor and temperature where there are any."""

import os
import platform
from pathlib import Path
from typing import Any

from device import answers

CPUINFO = Path("/proc/cpuinfo")
MEMINFO = Path("/proc/meminfo")
DEVICE_TREE_MODEL = Path("/proc/device-tree/model")
GOVERNOR = Path("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor")
THERMAL = Path("/sys/class/thermal")


def describe() -> dict[str, Any]:
    """The machine as it is now; null where it doesn't say."""
    return {
        "cpu": cpu_model(),
        "board": _text(DEVICE_TREE_MODEL),
        "architecture": platform.machine(),
        "cores": answers.cores(),
        "memory_bytes": _memory_bytes(),
        "system": _system(),
        "python": platform.python_version(),
        "governor": _text(GOVERNOR),
        "temperature_c": temperature_c(),
        "load_1min": round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None,
    }


def cpu_model() -> str | None:
    """`model name` on x86; arm64 has only part numbers, so the machine's own word for it."""
    for line in (_text(CPUINFO) or "").splitlines():
        key, _, value = line.partition(":")
        if key.strip() in ("model name", "Model"):
            return value.strip()
    return platform.processor() or None


def temperature_c() -> float | None:
    """The hottest thermal zone in degrees Celsius."""
    readings = []
    for zone in THERMAL.glob("thermal_zone*/temp"):
        try:
            readings.append(int(zone.read_text()) / 1000)
        except (OSError, ValueError):
            continue
    return max(readings, default=None)


def _memory_bytes() -> int | None:
    for line in (_text(MEMINFO) or "").splitlines():
        if line.startswith("MemTotal:"):
            return int(line.split()[1]) * 1024
    return None


def _system() -> str:
    try:
        name = platform.freedesktop_os_release().get("PRETTY_NAME", platform.system())
    except OSError:
        name = platform.system()
    return f"{name}, {platform.system()} {platform.release()}"


def _text(path: Path) -> str | None:
    try:
        return path.read_text(errors="replace").strip("\0\n ") or None
    except OSError:
        return None
