"""Which results may be compared: fingerprints of machines, documents with and without one, and what is refused."""

import json
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from benchmarks.documents import fingerprint
from benchmarks.documents.fingerprint import Value
from benchmarks.documents.machine import MeasuredMachine
from device import records
from device.errors import UserError
from device.host import system
from tests.device import machines

# A virtual machine's, whose processor has a vague name.
HERE = {
    **{"cpu": "AMD EPYC", "cpu_numbers": "family 26 model 2 stepping 1"},
    **{"instructions": ("avx2", "avx512_vnni", "fma")},
    **{"board": None, "architecture": "x86_64", "bits": 64, "cores": 2, "cpu_limit": None, "governor": None},
}
# As schema 1 had it.
OLD_MACHINE: dict[str, Any] = {
    **{"cpu": "AMD EPYC", "board": None, "architecture": "x86_64", "cores": 2, "memory_bytes": 8_000_000_000},
    **{"system": "Debian GNU/Linux 12, Linux 6.1.0", "python": "3.11.2", "governor": None},
    **{"temperature_c": None, "load_1min": 0.5},
}


@dataclass(frozen=True)
class Said:
    fingerprint: Mapping[str, Value]


def test_this_machine() -> None:
    here = fingerprint.machine()
    assert records.parse(Said, json.dumps({"fingerprint": here}), "it", 1, "").fingerprint == here
    assert set(here) == set(HERE)
    assert here["cpu"] == system.cpu_model() and here["bits"] == 8 * struct.calcsize("P")
    assert fingerprint.differences(here, fingerprint.machine()) == []
    taken = fingerprint.take("litert", "2.1.3")
    assert taken == {**here, "runtime": "litert", "runtime_version": "2.1.3"}


def test_a_raspberry_pi(tmp_path: Path) -> None:
    here = fingerprint.machine(machines.raspberry_pi_4(tmp_path))
    assert (here["cpu"], here["board"]) == ("Cortex-A72", "Raspberry Pi 4 Model B Rev 1.4")
    assert here["cpu_numbers"] == "implementer 0x41 part 0xd08 variant 0x0 revision 3"
    assert (here["instructions"], here["governor"]) == (("asimd",), "ondemand")


def test_what_changes_by_itself_is_not_in_it(tmp_path: Path) -> None:
    """A kernel's update that knows more flags, a warm day, other programs in memory."""
    root = machines.laptop(tmp_path)
    before = fingerprint.machine(root)
    assert before["instructions"] == ("avx2", "avx512_vnni", "avx512f", "f16c")
    cpuinfo = machines.LAPTOP_CPUINFO.replace("avx2 ", "avx2 flush_l1d ")
    machines.write(root, proc__cpuinfo=cpuinfo, proc__meminfo=machines.MEMINFO.format(total=16000000, free=1000))
    machines.zone(root, "x86_pkg_temp", 95000)
    assert fingerprint.machine(root) == before
    machines.clock(root, driver="intel_pstate", policy0="performance")
    machines.cpu_limit(root, "50000 100000\n")
    assert fingerprint.differences(before, fingerprint.machine(root)) == [
        "the container's limit of cores: unknown against 0.5",
        "governor: powersave against performance",
    ]


def test_of_documents() -> None:
    assert MeasuredMachine(**OLD_MACHINE, fingerprint=HERE).identity == HERE


def test_of_an_older_document() -> None:
    """It has less to compare, and that is compared."""
    old = MeasuredMachine(**OLD_MACHINE).identity
    assert set(old) == {"cpu", "architecture", "cores"}
    assert fingerprint.differences(old, HERE) == []
    assert fingerprint.differences({**old, "cores": 4}, HERE) == ["cores: 4 against 2"]


@pytest.mark.parametrize("machine", [MeasuredMachine(), MeasuredMachine(load_1min=1.0)])
def test_of_a_document_that_does_not_say(machine: MeasuredMachine) -> None:
    unknown = machine.identity
    assert unknown == {}
    assert fingerprint.differences(unknown, HERE) == ["the machine: unknown for one of them"]
    assert fingerprint.differences(HERE, unknown) == ["the machine: unknown for one of them"]
    assert fingerprint.differences(unknown, unknown) == ["the machine: unknown"]


@pytest.mark.parametrize(
    ("other", "said"),
    [
        ({}, []),
        ({"board": "Raspberry Pi 5 Model B Rev 1.0"}, ["board: unknown against Raspberry Pi 5 Model B Rev 1.0"]),
        (  # from another cpu the rest follows
            {"cpu": "Cortex-A76", "cpu_numbers": None, "instructions": ("asimd",), "architecture": "aarch64"},
            ["cpu: AMD EPYC against Cortex-A76", "architecture: x86_64 against aarch64"],
        ),
        (
            {"cpu_numbers": "family 25 model 1 stepping 1"},
            ["processor: family 26 model 2 stepping 1 against family 25 model 1 stepping 1"],
        ),
        ({"instructions": ("avx2", "fma")}, ["instruction sets: with avx512_vnni against without"]),
        ({"instructions": ("avx2", "fma", "amx_int8")}, ["instruction sets: with avx512_vnni against with amx_int8"]),
        ({"bits": 32, "cores": 4}, ["bits of Python: 64 against 32", "cores: 2 against 4"]),
    ],
)
def test_differences(other: dict[str, Any], said: list[str]) -> None:
    assert fingerprint.differences(HERE, {**HERE, **other}) == said


def test_runtimes() -> None:
    ours = {**HERE, "runtime": "litert", "runtime_version": "2.1.3"}
    assert fingerprint.differences(ours, {**ours, "runtime_version": "2.2.0"}) == [
        "runtime's version: 2.1.3 against 2.2.0"
    ]
    assert fingerprint.differences(ours, {**ours, "runtime": "tensorflow"}) == ["runtime: litert against tensorflow"]
    assert fingerprint.differences(ours, HERE) == []  # a machine alone: no row was given


def test_what_is_refused() -> None:
    other = {**HERE, "cores": 4, "governor": "performance"}
    fingerprint.refuse_other(HERE, dict(HERE), allowed=False)
    fingerprint.refuse_other(HERE, other, allowed=True)
    with pytest.raises(UserError) as refused:
        fingerprint.refuse_other(HERE, other, allowed=False)
    assert str(refused.value) == (
        "the results are of different machines or runtimes (cores: 2 against 4; governor: unknown against"
        " performance); measure both on one, or compare them anyway with --other-machine"
    )
