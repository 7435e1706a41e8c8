"""Machines that are not here, as Linux shows them in /proc, /sys and /dev: written by hand below a folder.

A test runs on one machine; what is said of a Raspberry Pi's clock, power and cameras needs others. Files hold what the
kernels of these boards write; programs are shell scripts that print what the real ones print.
"""

import os
from pathlib import Path

PI_4_CPUINFO = """processor\t: 0
BogoMIPS\t: 108.00
Features\t: fp asimd evtstrm crc32 cpuid
CPU implementer\t: 0x41
CPU architecture: 8
CPU variant\t: 0x0
CPU part\t: 0xd08
CPU revision\t: 3

Revision\t: c03114
Serial\t\t: 10000000abcdef01
Model\t\t: Raspberry Pi 4 Model B Rev 1.4
"""
PI_5_CPUINFO = """processor\t: 0
BogoMIPS\t: 108.00
Features\t: fp asimd evtstrm aes pmull sha1 sha2 crc32 atomics fphp asimdhp cpuid asimdrdm lrcpc dcpop asimddp
CPU implementer\t: 0x41
CPU architecture: 8
CPU variant\t: 0x4
CPU part\t: 0xd0b
CPU revision\t: 1
"""
PI_ZERO_CPUINFO = """processor\t: 0
model name\t: ARMv6-compatible processor rev 7 (v6l)
Features\t: half thumb fastmult vfp edsp java tls
CPU part\t: 0xb76

Model\t\t: Raspberry Pi Zero W Rev 1.1
"""
LAPTOP_CPUINFO = """processor\t: 0
vendor_id\t: GenuineIntel
model\t\t: 140
model name\t: 11th Gen Intel(R) Core(TM) i5-1135G7 @ 2.40GHz
flags\t\t: fpu vme sse sse2 ssse3 sse4_1 sse4_2 avx f16c avx2 avx512f avx512_vnni
bugs\t\t: spectre_v1 spectre_v2

processor\t: 1
vendor_id\t: GenuineIntel
model name\t: another one
flags\t\t: none
"""
OLD_PC_CPUINFO = (
    "processor\t: 0\nmodel name\t: Intel(R) Core(TM)2 Duo CPU E8400\nflags\t\t: fpu sse sse2 ssse3 sse4_1\n"
)
MEMINFO = "MemTotal:        {total} kB\nMemFree:          100000 kB\nMemAvailable:    {free} kB\n"
RPICAM = """Available cameras
-----------------
0 : imx708 [4608x2592 10-bit RGGB] (/base/axi/pcie@120000/rp1/i2c@88000/imx708@1a)
    Modes: 'SRGGB10_CSI2P' : 1536x864 [120.13 fps - (768, 432)/3072x1728 crop]
                             4608x2592 [14.35 fps - (0, 0)/4608x2592 crop]

1 : ov5647 [2592x1944 10-bit GBRG] (/base/axi/pcie@120000/rp1/i2c@80000/ov5647@36)
    Modes: 'SGBRG10_CSI2P' : 640x480 [58.92 fps - (16, 0)/2560x1920 crop]
"""


def write(root: Path, **files: str) -> Path:
    """Files below the root; in their names __ stands for a /."""
    for name, content in files.items():
        path = root / name.replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    return root


def raspberry_pi_4(root: Path) -> Path:
    device_tree = "Raspberry Pi 4 Model B Rev 1.4\0"
    write(root, proc__cpuinfo=PI_4_CPUINFO, proc__meminfo=MEMINFO.format(total=3884116, free=120000))
    clock(root, policy0="ondemand")
    zone(root, "cpu-thermal", 48312)
    return board(root, device_tree)


def raspberry_pi_5(root: Path) -> Path:
    write(root, proc__cpuinfo=PI_5_CPUINFO, proc__meminfo=MEMINFO.format(total=8245600, free=7000000))
    clock(root, policy0="performance")
    zone(root, "cpu-thermal", 81200)
    return board(root, "Raspberry Pi 5 Model B Rev 1.0\0")


def laptop(root: Path) -> Path:
    write(root, proc__cpuinfo=LAPTOP_CPUINFO, proc__meminfo=MEMINFO.format(total=16000000, free=9000000))
    clock(root, driver="intel_pstate", policy0="powersave", policy1="powersave")
    return zone(root, "x86_pkg_temp", 55000)


def board(root: Path, name: str) -> Path:
    path = root / "proc/device-tree/model"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(name)
    return root


def clock(root: Path, driver: str = "cpufreq-dt", **governors: str) -> Path:
    folder = root / "sys/devices/system/cpu/cpufreq"
    for policy, governor in governors.items():
        (folder / policy).mkdir(parents=True, exist_ok=True)
        (folder / policy / "scaling_governor").write_text(f"{governor}\n")
        (folder / policy / "scaling_driver").write_text(f"{driver}\n")
    return root


def cpu_limit(root: Path, said: str) -> Path:
    """A container's, as cgroup v2 has it."""
    folder = root / "sys/fs/cgroup"
    folder.mkdir(parents=True)
    (folder / "cpu.max").write_text(said)
    return root


def zone(root: Path, kind: str, thousandths: int) -> Path:
    folder = root / "sys/class/thermal/thermal_zone0"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "type").write_text(f"{kind}\n")
    (folder / "temp").write_text(f"{thousandths}\n")
    return root


def camera(root: Path, number: int, name: str, index: int = 0) -> Path:
    """A /dev/video as a plain file, and what the kernel says of it."""
    folder = root / f"sys/class/video4linux/video{number}"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "name").write_text(f"{name}\n")
    (folder / "index").write_text(f"{index}\n")
    (root / "dev").mkdir(exist_ok=True)
    node = root / f"dev/video{number}"
    node.touch()
    return node


def program(folder: Path, name: str, says: str, code: int = 0, stream: int = 1) -> Path:
    """A program of that name, which says something and ends."""
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_text(f"#!/bin/sh\ncat >&{stream} <<'END'\n{says}\nEND\nexit {code}\n")
    path.chmod(0o755)
    return path


def path_with(*folders: Path) -> str:
    """A PATH of these folders and the shell's; what else the machine has is not seen through it."""
    return os.pathsep.join([*map(str, folders), "/bin"])
