"""What is read of machines, and what is made of it: a Raspberry Pi 4 and 5, a laptop, and machines that say nothing."""

import json
import os
import platform
import tempfile
from pathlib import Path

import pytest

from device.doctor import attached, hardware
from device.doctor.findings import Finding
from device.host import system
from tests.device import machines, sensors

# This machine's own vcgencmd and rpicam-hello are not asked.
pytestmark = pytest.mark.usefixtures("programs")


def by_subject(findings: list[Finding]) -> dict[str, Finding]:
    assert len({finding.subject for finding in findings}) == len(findings)
    return {finding.subject: finding for finding in findings}


# What is read.


def test_this_machine_is_described() -> None:
    here = json.loads(json.dumps(vars(system.describe())))
    assert tuple(here) == (
        *("cpu", "board", "architecture", "cores", "memory_bytes", "system"),
        *("python", "governor", "temperature_c", "load_1min"),
    )
    assert (here["architecture"], here["python"]) == (platform.machine(), platform.python_version())
    assert here["cores"] == len(os.sched_getaffinity(0))
    assert here["memory_bytes"] == os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    assert platform.system() in here["system"]


def test_a_raspberry_pi_4(root: Path) -> None:
    here = vars(system.describe(machines.raspberry_pi_4(root)))
    assert (here["cpu"], here["board"]) == ("Cortex-A72", "Raspberry Pi 4 Model B Rev 1.4")
    assert (here["governor"], here["temperature_c"], here["memory_bytes"]) == ("ondemand", 48.312, 3884116 * 1024)
    assert system.features(root) == {"fp", "asimd", "evtstrm", "crc32", "cpuid"}
    assert system.memory_bytes(root, "MemAvailable") == 120000 * 1024


def test_a_laptop_is_described(root: Path) -> None:
    here = vars(system.describe(machines.laptop(root)))
    assert here["cpu"] == "11th Gen Intel(R) Core(TM) i5-1135G7 @ 2.40GHz"
    assert here["board"] is None and here["temperature_c"] == 55.0
    assert system.governors(root) == {"policy0": "powersave", "policy1": "powersave"}
    assert "avx512_vnni" in system.features(root) and "none" not in system.features(root)


@pytest.mark.parametrize(
    ("cpuinfo", "model"),
    [
        (machines.PI_5_CPUINFO, "Cortex-A76"),
        (machines.PI_ZERO_CPUINFO, "ARM1176"),
        ("processor\t: 0\nCPU part\t: 0xfff\n\nModel\t\t: Some Board\n", "Some Board"),
        ("processor\t: 0\nmodel name\t: AMD EPYC\n", "AMD EPYC"),
    ],
)
def test_the_processors_name(cpuinfo: str, model: str, root: Path) -> None:
    assert system.cpu_model(machines.write(root, proc__cpuinfo=cpuinfo)) == model


@pytest.mark.parametrize(
    ("cpuinfo", "numbers"),
    [
        (machines.PI_4_CPUINFO, "implementer 0x41 part 0xd08 variant 0x0 revision 3"),
        ("cpu family\t: 26\nmodel\t\t: 2\nmodel name\t: AMD EPYC\nstepping\t: 1\n", "family 26 model 2 stepping 1"),
        ("cpu family\t: 6\nmodel\t\t: 85\nstepping\t: unknown\n", "family 6 model 85 stepping unknown"),
        (machines.LAPTOP_CPUINFO, None),
        ("", None),
    ],
)
def test_the_processors_numbers(cpuinfo: str, numbers: str | None, root: Path) -> None:
    """Two machines whose name is AMD EPYC need not be alike."""
    assert system.cpu_numbers(machines.write(root, proc__cpuinfo=cpuinfo)) == numbers


def test_a_machine_that_says_nothing(root: Path) -> None:
    here = vars(system.describe(root))
    assert here["memory_bytes"] is here["board"] is here["governor"] is here["temperature_c"] is None
    assert here["cpu"] == (platform.processor() or None)
    assert system.cpu_limit(root) is None and system.features(root) == frozenset()
    assert system.cpu_numbers(root) is None


@pytest.mark.parametrize(
    ("said", "limit"), [("max 100000\n", None), ("150000 100000\n", 1.5), ("5 0\n", None), ("", None)]
)
def test_a_containers_limit(said: str, limit: float | None, root: Path) -> None:
    assert system.cpu_limit(machines.cpu_limit(root, said)) == limit


# Power and heat, as a Raspberry Pi's firmware tells them (tests/device/test_throttling.py).


@pytest.mark.parametrize(
    ("says", "level", "found", "advice"),
    [
        ("throttled=0x0", "ok", "no under-voltage or throttling since boot", None),
        ("throttled=0x50000", "note", "since boot: under-voltage, throttled", "power supply"),
        ("throttled=0x50005", "problem", "now: under-voltage, throttled; since boot: under-volt", "power supply"),
        ("throttled=0x80008", "problem", "now: soft temperature limit; since boot: soft temp", "cool the board"),
        ("VCHI initialization failed", "note", "unknown: vcgencmd: VCHI initialization failed", "group video"),
    ],
)
def test_what_follows_from_it(
    says: str, level: str, found: str, advice: str | None, root: Path, programs: Path
) -> None:
    machines.program(programs, "vcgencmd", says)
    power = by_subject(hardware.findings(root))["power"]
    assert power.level == level and power.found.startswith(found)
    assert (power.advice is None) if advice is None else (advice in (power.advice or ""))


def test_without_vcgencmd(root: Path, tmp_path: Path) -> None:
    """Missed on a Raspberry Pi alone."""
    assert "power" not in by_subject(hardware.findings(machines.laptop(tmp_path / "laptop")))
    power = by_subject(hardware.findings(machines.raspberry_pi_4(root)))["power"]
    assert (power.level, power.found) == ("note", "unknown: there is no vcgencmd")


# What is made of the rest.


def test_findings_of_a_raspberry_pi_4(root: Path) -> None:
    found = by_subject(hardware.findings(machines.raspberry_pi_4(root)))
    assert found["machine"].found.startswith("Raspberry Pi 4 Model B Rev 1.4, ")
    assert found["processor"].found == (
        "Cortex-A72: NEON; no dot product (as Cortex-A53 and A72): int8 gains less here than on newer ones"
    )
    assert not hardware.has_dot_product(root) and hardware.is_raspberry_pi(root)
    assert (found["memory"].level, found["memory"].found) == ("note", "4.0 GB, 0.1 GB of it available")
    assert (found["governor"].level, found["governor"].found) == (
        "note",
        "policy0 ondemand: the clock follows the load",
    )
    assert "echo performance | sudo tee" in (found["governor"].advice or "")
    assert (found["temperature"].level, found["temperature"].found) == ("ok", "48 °C")


def test_findings_of_a_raspberry_pi_5(root: Path) -> None:
    found = by_subject(hardware.findings(machines.raspberry_pi_5(root)))
    assert found["processor"] == Finding("ok", "processor", "Cortex-A76: dot product, NEON")
    assert found["governor"] == Finding("ok", "governor", "policy0 performance")
    assert found["memory"].level == "ok"
    assert (found["temperature"].level, found["temperature"].found) == ("note", "81 °C")
    assert hardware.has_dot_product(root)


def test_findings_of_a_laptop(root: Path) -> None:
    """Its processor chooses the clock itself, whatever the governor's name says."""
    found = by_subject(hardware.findings(machines.laptop(root)))
    assert found["processor"].found.endswith("i5-1135G7 @ 2.40GHz: AVX512-VNNI, AVX2")
    assert found["governor"].level == "note"
    assert hardware.has_dot_product(root) and not hardware.is_raspberry_pi(root)


@pytest.mark.parametrize(
    ("cpuinfo", "level", "found"),
    [
        (machines.OLD_PC_CPUINFO, "note", "E8400: no instruction sets that matter; no AVX2: networks run slower"),
        (machines.LAPTOP_CPUINFO.replace(" avx512_vnni", ""), "ok", "AVX2; no VNNI: int8 gains less here"),
        (machines.PI_ZERO_CPUINFO, "ok", "ARM1176: no instruction sets that matter; no dot product"),
    ],
)
def test_other_processors(cpuinfo: str, level: str, found: str, root: Path) -> None:
    processor = by_subject(hardware.findings(machines.write(root, proc__cpuinfo=cpuinfo)))["processor"]
    assert processor.level == level and found in processor.found


def test_a_clock_that_stays_low(root: Path) -> None:
    governor = by_subject(hardware.findings(machines.clock(root, policy0="powersave", policy4="ondemand")))["governor"]
    assert (governor.level, governor.found) == (
        "problem",
        "policy0 powersave, policy4 ondemand: always the lowest clock",
    )


def test_findings_of_a_machine_that_says_nothing(root: Path) -> None:
    found = by_subject(hardware.findings(root))
    assert set(found) == {"machine", "processor", "cores"}
    assert (found["processor"].level, found["processor"].advice) == ("note", "check that /proc is mounted")


def test_a_container_that_may_use_less_than_it_sees(root: Path) -> None:
    machines.cpu_limit(root, "50000 100000\n")
    cores = by_subject(hardware.findings(root))["cores"]
    assert cores.level == "note" and cores.found.endswith(", limited to the CPU time of 0.5 (the container's limit)")


# Cameras.


def test_usb_cameras_without_their_second_nodes_and_the_boards_decoders(root: Path) -> None:
    first, other = machines.camera(root, 0, "HD Pro Webcam C920"), machines.camera(root, 12, "USB 2.0 Camera: HD")
    machines.camera(root, 1, "HD Pro Webcam C920", index=1)
    machines.camera(root, 2, "bcm2835-codec-decode")
    machines.camera(root, 19, "rpi-hevc-dec")
    (root / "dev/videos").touch()
    nodes = attached.nodes(root)
    assert [(node.path, node.name) for node in nodes] == [(first, "HD Pro Webcam C920"), (other, "USB 2.0 Camera: HD")]
    assert all(node.is_open_to_us for node in nodes)
    assert attached.findings(root) == [
        Finding("ok", "camera", f"{first}: HD Pro Webcam C920"),
        Finding("ok", "camera", f"{other}: USB 2.0 Camera: HD"),
    ]


def test_no_camera(root: Path) -> None:
    assert attached.findings(root) == [Finding("note", "camera", "none found", "plug one in, or use --source test")]


def test_a_camera_that_others_may_use() -> None:
    """Not below tmp_path, whose folders are for one user alone."""
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        node = machines.camera(root, 0, "HD Pro Webcam C920")
        root.chmod(0o755)
        node.chmod(0)
        with sensors.as_nobody():
            (finding,) = attached.findings(root)
    assert (finding.level, finding.found) == ("problem", f"{node}: HD Pro Webcam C920; no permission to use it")
    assert finding.advice is not None and finding.advice.startswith("it belongs to the group ")
    assert "usermod -aG root" not in finding.advice


def test_cameras_that_libcamera_knows(root: Path, programs: Path) -> None:
    machines.camera(root, 0, "rp1-cfe-csi2_ch0")
    missing = attached.findings(root)
    assert [finding.level for finding in missing] == ["note"]
    assert "sudo apt install rpicam-apps python3-picamera2, then --source picamera2" in (missing[0].advice or "")
    machines.program(programs, "libcamera-hello", "No cameras available!")
    (none,) = attached.findings(root)
    assert none.found == "libcamera finds none on the ribbon cable"
    machines.program(programs, "rpicam-hello", machines.RPICAM)  # the newer name goes before
    assert attached.findings(root) == [
        Finding("ok", "camera", "imx708 (libcamera): --source picamera2"),
        Finding("ok", "camera", "ov5647 (libcamera): --source picamera2"),
    ]
