"""What a figure was measured on; null where the machine doesn't say."""

import json
import os
import platform
from pathlib import Path

import pytest

from benchmarks import machine


def test_this_machine() -> None:
    here = json.loads(json.dumps(machine.describe()))
    assert set(here) == {
        *("cpu", "board", "architecture", "cores", "memory_bytes", "system"),
        *("python", "governor", "temperature_c", "load_1min"),
    }
    assert here["architecture"] == platform.machine() and here["python"] == platform.python_version()
    assert 1 <= here["cores"] <= (os.cpu_count() or 1)
    assert platform.system() in here["system"]


@pytest.mark.skipif(not Path("/proc/meminfo").exists(), reason="no /proc here")
def test_its_memory() -> None:
    memory = machine.describe()["memory_bytes"]
    assert memory == os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


X86 = "processor\t: 0\nvendor_id\t: GenuineIntel\nmodel\t\t: 143\nmodel name\t: Intel(R) Xeon(R) Platinum\n"
RASPBERRY_PI = "processor\t: 0\nBogoMIPS\t: 108.00\nCPU part\t: 0xd08\n\nModel\t\t: Raspberry Pi 4 Model B Rev 1.4\n"


@pytest.mark.parametrize(
    ("text", "name"), [(X86, "Intel(R) Xeon(R) Platinum"), (RASPBERRY_PI, "Raspberry Pi 4 Model B Rev 1.4")]
)
def test_the_processor(text: str, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "cpuinfo").write_text(text)
    monkeypatch.setattr(machine, "CPUINFO", tmp_path / "cpuinfo")
    assert machine.cpu_model() == name


def test_a_board_that_says_more(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "model").write_bytes(b"Raspberry Pi 5 Model B Rev 1.0\0")
    (tmp_path / "governor").write_text("ondemand\n")
    for zone, reading in enumerate(("48312", "61000", "not known")):
        (tmp_path / f"thermal_zone{zone}").mkdir()
        (tmp_path / f"thermal_zone{zone}/temp").write_text(f"{reading}\n")
    monkeypatch.setattr(machine, "DEVICE_TREE_MODEL", tmp_path / "model")
    monkeypatch.setattr(machine, "GOVERNOR", tmp_path / "governor")
    monkeypatch.setattr(machine, "THERMAL", tmp_path)
    here = machine.describe()
    assert (here["board"], here["governor"]) == ("Raspberry Pi 5 Model B Rev 1.0", "ondemand")
    assert here["temperature_c"] == 61.0


def test_a_machine_that_says_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("CPUINFO", "MEMINFO", "DEVICE_TREE_MODEL", "GOVERNOR", "THERMAL"):
        monkeypatch.setattr(machine, name, tmp_path / "none")
    here = machine.describe()
    assert here["memory_bytes"] is here["board"] is here["governor"] is here["temperature_c"] is None
    assert here["cpu"] == (platform.processor() or None)
