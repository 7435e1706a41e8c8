"""Linux's description of the host: processor, cores, memory, board, governors, temperature.

Everything is read below a root folder, `/` on the host itself, and is None or empty if unknown.
device/doctor/hardware.py judges what it means for a classifier.
"""

import os
import platform
from dataclasses import dataclass
from pathlib import Path

from device.host import temperature

HERE = Path("/")
# "CPU part" of ARM processors, as arm64 and arm kernels show it (Arm's MIDR_EL1), for the most common boards.
ARM_PARTS = {
    "0xb76": "ARM1176",
    "0xc07": "Cortex-A7",
    "0xd03": "Cortex-A53",
    "0xd04": "Cortex-A35",
    "0xd05": "Cortex-A55",
    "0xd07": "Cortex-A57",
    "0xd08": "Cortex-A72",
    "0xd09": "Cortex-A73",
    "0xd0b": "Cortex-A76",
    "0xd0c": "Neoverse-N1",
    "0xd41": "Cortex-A78",
}


@dataclass(frozen=True)
class Host:
    """The host in our documents; None where unknown. cores: those that the process may use."""

    cpu: str | None = None
    board: str | None = None
    architecture: str | None = None
    cores: int | None = None
    memory_bytes: int | None = None
    system: str | None = None
    python: str | None = None
    governor: str | None = None
    temperature_c: float | None = None
    load_1min: float | None = None


def describe(root: Path = HERE) -> Host:
    """The current state of the host."""
    return Host(
        cpu=cpu_model(root),
        board=name(root),
        architecture=platform.machine(),
        cores=usable_cores(),
        memory_bytes=memory_bytes(root),
        system=system(),
        python=platform.python_version(),
        governor=governors(root).get("policy0"),
        temperature_c=temperature_c(root),
        load_1min=round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None,
    )


def cpu_model(root: Path = HERE) -> str | None:
    """`model name` on x86; on ARM the core's name by its part number, else the kernel's description."""
    info = _cpuinfo(root)
    return ARM_PARTS.get(info.get("CPU part", "")) or info.get("model name") or info.get("Model") or _processor()


def cpu_numbers(root: Path = HERE) -> str | None:
    """Numbers in /proc/cpuinfo that distinguish processors of one name: `family 26 model 2 stepping 1`.

    Virtual machines often use one name for every generation (`AMD EPYC`). ARM: `implementer 0x41 part 0xd08 …`.
    """
    info = _cpuinfo(root)
    words = (("cpu family", "model", "stepping"), ("CPU implementer", "CPU part", "CPU variant", "CPU revision"))
    for keys in words:
        if keys[0] in info:
            return " ".join(f"{key.split()[-1]} {info[key]}" for key in keys if key in info)
    return None


def _processor() -> str | None:
    return platform.processor() or None


def features(root: Path = HERE) -> frozenset[str]:
    """The instruction sets of the first processor, by the kernel's names: avx2, asimddp …"""
    info = _cpuinfo(root)
    return frozenset((info.get("flags") or info.get("Features") or "").split())


def _cpuinfo(root: Path) -> dict[str, str]:
    """/proc/cpuinfo; of several processors, the first one's values."""
    info: dict[str, str] = {}
    for line in (read_text(root / "proc/cpuinfo") or "").splitlines():
        key, _, value = line.partition(":")
        info.setdefault(key.strip(), value.strip())
    return info


def name(root: Path = HERE) -> str | None:
    """The board's name from the device tree (`Raspberry Pi 5 Model B Rev 1.0`); PCs have none."""
    return read_text(root / "proc/device-tree/model")


def usable_cores() -> int:
    """The number of processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def thread_counts(cores: int) -> list[int]:
    """Numbers of threads worth trying on so many cores: 1, 2, 4 … and all of them."""
    counts = [1]
    while 2 * counts[-1] < cores:
        counts.append(2 * counts[-1])
    return sorted({*counts, cores})


def cpu_limit(root: Path = HERE) -> float | None:
    """A container's limit of CPU time, in processors (cgroup v2, cpu.max); None if there is none."""
    quota, _, period = (read_text(root / "sys/fs/cgroup/cpu.max") or "").partition(" ")
    return int(quota) / int(period) if quota.isdigit() and period.isdigit() and int(period) else None


def memory_bytes(root: Path = HERE, field: str = "MemTotal") -> int | None:
    """MemTotal, or MemAvailable: what programs can still get without swapping."""
    for line in (read_text(root / "proc/meminfo") or "").splitlines():
        if line.startswith(f"{field}:"):
            return int(line.split()[1]) * 1024
    return None


def governors(root: Path = HERE) -> dict[str, str]:
    """The frequency governor of each policy (a group of cores that share a clock): {"policy0": "ondemand"}."""
    folder = root / "sys/devices/system/cpu/cpufreq"
    files = sorted(folder.glob("policy*/scaling_governor"))
    return {file.parent.name: governor for file in files if (governor := read_text(file))}


def frequency_driver(root: Path = HERE) -> str | None:
    """The kernel's driver of the first policy's clock, such as intel_pstate; None if unknown."""
    return read_text(root / "sys/devices/system/cpu/cpufreq/policy0/scaling_driver")


def temperature_c(root: Path = HERE) -> float | None:
    """The processor's temperature in degrees Celsius."""
    return temperature.Thermometer(root / "sys/class/thermal").celsius()


def system() -> str:
    """The distribution's name, the kernel and its release."""
    try:
        distribution = platform.freedesktop_os_release().get("PRETTY_NAME", platform.system())
    except OSError:
        distribution = platform.system()
    return f"{distribution}, {platform.system()} {platform.release()}"


def read_text(path: Path) -> str | None:
    """A small file of the kernel; None if it is missing, unreadable or empty."""
    try:
        return path.read_text(errors="replace").strip("\0\n ") or None
    except OSError:
        return None
