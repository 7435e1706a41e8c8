"""Energy by the processor's counters, on a sysfs tree written by hand: virtual machines have none."""

import tempfile
from pathlib import Path

import pytest

from benchmarks.timing.energy import Meter
from tests.device import sensors


def test_one_package_since_the_meter_was_made(tmp_path: Path) -> None:
    counter = sensors.energy(tmp_path, "intel-rapl:0", "package-0", 400_000)
    meter = Meter(tmp_path)
    assert (meter.joules(), meter.why) == (0.0, None)
    counter.write_text("650000\n")
    assert meter.joules() == 0.25
    assert meter.joules() == 0.25
    counter.write_text("651000\n")
    assert meter.joules() == 0.251


def test_a_counter_that_begins_again(tmp_path: Path) -> None:
    counter = sensors.energy(tmp_path, "intel-rapl:0", "package-0", 900_000, most_uj=1_000_000)
    meter = Meter(tmp_path)
    for now, joules in ((50_000, 0.15), (950_000, 1.05), (10_000, 1.11)):
        counter.write_text(f"{now}\n")
        assert meter.joules() == pytest.approx(joules)


def test_packages_count_once(tmp_path: Path) -> None:
    """Neither their parts, nor psys that holds them, nor the other way to the same counters are added."""
    zones = {
        "intel-rapl:0": ("package-0", 1_000),
        "intel-rapl:0:0": ("core", 10_000),
        "intel-rapl:0:1": ("dram", 20_000),
        "intel-rapl:1": ("package-1-die-0", 3_000),
        "intel-rapl:2": ("psys", 40_000),
        "intel-rapl-mmio:0": ("package-0", 5_000),
    }
    counters = {zone: sensors.energy(tmp_path, zone, name, 0) for zone, (name, _) in zones.items()}
    meter = Meter(tmp_path)
    for zone, (_, used) in zones.items():
        counters[zone].write_text(f"{used}\n")
    assert meter.joules() == 0.004


@pytest.mark.parametrize("zone", [None, ("intel-rapl:0", "psys"), ("dtpm", "package-0")])
def test_a_machine_without_a_counter(zone: tuple[str, str] | None, tmp_path: Path) -> None:
    if zone is not None:
        sensors.energy(tmp_path, *zone, 5)
    meter = Meter(tmp_path)
    assert meter.joules() is None
    assert meter.why == "this machine has no readable energy counter (no package in /sys/class/powercap)"


def test_a_counter_for_root_alone() -> None:
    """As kernels have it since 5.10. Not below tmp_path, whose folders are for one user alone."""
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        root.chmod(0o755)
        counter = sensors.energy(root, "intel-rapl:0", "package-0", 5)
        counter.chmod(0o400 if root.owner() == "root" else 0)
        with sensors.as_nobody():
            meter = Meter(root)
            assert meter.joules() is None
        assert meter.why is not None
        assert meter.why.startswith(f"only root may read {counter}") and "run this as root" in meter.why


@pytest.mark.parametrize("said", ["", "words"])
def test_a_counter_that_breaks_off(said: str, tmp_path: Path) -> None:
    counter = sensors.energy(tmp_path, "intel-rapl:0", "package-0", 5)
    meter = Meter(tmp_path)
    counter.write_text(said)
    assert meter.joules() is None
    assert meter.why is not None and meter.why.startswith("the energy counter can't be read: ")
    counter.write_text("10\n")
    assert meter.joules() is None  # what was used meanwhile isn't known


def test_a_counter_that_says_no_number(tmp_path: Path) -> None:
    sensors.energy(tmp_path, "intel-rapl:0", "package-0", "words")
    meter = Meter(tmp_path)
    assert meter.joules() is None and meter.why is not None and "words" in meter.why


def test_this_machine() -> None:
    """Either it measures, or it says why not."""
    meter = Meter()
    assert (meter.joules() is None) == (meter.why is not None)
