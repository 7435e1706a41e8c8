"""The fingerprint of results, which must be equal to compare them: whatever of the machine decides a network's speed.

It includes the processor's name, its numbers (many virtual machines use one name for every generation), the instruction
sets by which interpreters choose kernels (a hypervisor may hide some), the board, 32 or 64 bits, cores, a container's
limit, the governor; and, for a row, the runtime with its version. It excludes what changes from minute to minute (load,
temperature, clock, which each row has), and what updates change without making a network faster (the kernel's release,
its list of all processor flags, the distribution, Python).
"""

import platform
import struct
from collections.abc import Mapping
from pathlib import Path

from device.errors import UserError
from device.host import system
from device.host.system import HERE

# By the kernel's names, x86's and ARM's.
INSTRUCTIONS = {
    *("avx2", "fma", "f16c", "avx512f", "avx512bw", "avx512_vnni", "avx_vnni", "avx512_bf16", "avx512_fp16"),
    *("amx_int8", "neon", "asimd", "asimdhp", "asimddp", "i8mm", "bf16", "sve", "sve2", "sme"),
}
# In the order of messages, with the names of schema 1 and device.host.system.describe.
MACHINE = {
    "cpu": "cpu",
    "cpu_numbers": "processor",
    "instructions": "instruction sets",
    "board": "board",
    "architecture": "architecture",
    "bits": "bits of Python",
    "cores": "cores",
    "cpu_limit": "the container's limit of cores",
    "governor": "governor",
}
ROW = {"runtime": "runtime", "runtime_version": "runtime's version"}
OF_THE_CPU = ("cpu_numbers", "instructions")  # not mentioned if the cpu differs: they follow from it

# Tuples hold several values, such as the instruction sets.
Value = str | int | float | tuple[str, ...] | None
Fingerprint = Mapping[str, Value]


def machine(root: Path = HERE) -> Fingerprint:
    """This machine's part, for a result document; None where unknown."""
    return {
        "cpu": system.cpu_model(root),
        "cpu_numbers": system.cpu_numbers(root),
        "instructions": tuple(sorted(system.features(root) & INSTRUCTIONS)),
        "board": system.name(root),
        "architecture": platform.machine(),
        "bits": 8 * struct.calcsize("P"),
        "cores": system.usable_cores(),
        "cpu_limit": system.cpu_limit(root),
        "governor": system.governors(root).get("policy0"),
    }


def take(runtime: str, version: str | None, root: Path = HERE) -> Fingerprint:
    """The fingerprint of a result of this runtime on this machine now."""
    return {**machine(root), "runtime": runtime, "runtime_version": version}


def differences(a: Fingerprint, b: Fingerprint) -> list[str]:
    """The differences, in words: ['cpu: A against B', …]. Keys that one of them lacks (an older one) don't count.

    An empty one means an unknown machine, which differs from every other.
    """
    if not a or not b:
        return ["the machine: unknown" if a == b else "the machine: unknown for one of them"]
    names = {**MACHINE, **ROW}
    differing = [key for key in names if key in a and key in b and a[key] != b[key]]
    if "cpu" in differing:
        differing = [key for key in differing if key not in OF_THE_CPU]
    return [f"{names[key]}: {_words(a[key], b[key])} against {_words(b[key], a[key])}" for key in differing]


def refuse_other(a: Fingerprint, b: Fingerprint, allowed: bool) -> None:
    """UserError if the fingerprints of two results differ, unless the user allows it."""
    found = differences(a, b)
    if found and not allowed:
        raise UserError(
            f"the results are of different machines or runtimes ({'; '.join(found)}); measure both on one, or compare"
            " them anyway with --other-machine"
        )


def _words(value: Value, other: Value) -> str:
    """A value in words; of several values, those that the other lacks."""
    if isinstance(value, tuple) and isinstance(other, tuple):
        more = [str(one) for one in value if one not in other]
        return f"with {', '.join(more)}" if more else "without"
    return "unknown" if value is None else str(value)
