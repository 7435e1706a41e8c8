"""What must be equal for two results to be compared: the machine, as far as it decides how fast a network is.

In it: the processor's name, its numbers (many virtual machines call every generation by one name), the instruction
sets that interpreters choose their kernels by (a hypervisor may hide some), the board, 32 or 64 bits, cores, a
container's limit, the governor; and, of a row, the runtime with its version. Not in it: what changes from minute to
minute (load, temperature, clock: a row has these for itself), and what is changed by updates without a network being
any faster (the kernel's release, its list of all processor flags, the distribution, Python).
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
# In the order they are told; those that schema 1 had, as device.host.system.describe names them, have the same names
# here.
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
OF_THE_CPU = ("cpu_numbers", "instructions")  # not told beside another cpu: they follow from it

# Several values, such as the instruction sets, are a tuple.
Value = str | int | float | tuple[str, ...] | None
Fingerprint = Mapping[str, Value]


def machine(root: Path = HERE) -> Fingerprint:
    """This machine's part, as a result document has it; null where the machine doesn't say."""
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
    """What a result would have that this runtime gave on this machine now."""
    return {**machine(root), "runtime": runtime, "runtime_version": version}


def differences(a: Fingerprint, b: Fingerprint) -> list[str]:
    """What differs, in words: ['cpu: A against B', …]. What only one of them has (an older one) is not compared.

    An empty one is that of a machine nobody knows, and differs from every other.
    """
    if not a or not b:
        return ["the machine: not known" if a == b else "the machine: not known of one of them"]
    names = {**MACHINE, **ROW}
    differing = [key for key in names if key in a and key in b and a[key] != b[key]]
    if "cpu" in differing:
        differing = [key for key in differing if key not in OF_THE_CPU]
    return [f"{names[key]}: {_words(a[key], b[key])} against {_words(b[key], a[key])}" for key in differing]


def refuse_other(a: Fingerprint, b: Fingerprint, told: bool) -> None:
    """UserError when results of these two are to be compared and differ; not when the user has told to do so."""
    found = differences(a, b)
    if found and not told:
        raise UserError(
            f"the results are not of the same machine and runtime ({'; '.join(found)}); measure both on one,"
            " or --other-machine compares them all the same"
        )


def _words(value: Value, other: Value) -> str:
    """Of several values those are told that the other lacks."""
    if isinstance(value, tuple) and isinstance(other, tuple):
        more = [str(one) for one in value if one not in other]
        return f"with {', '.join(more)}" if more else "without"
    return "not known" if value is None else str(value)
