"""What must be equal for two results to be compared: the machine, as far as it decides how fast a network is.

In it: the processor's name, its numbers (many virtual machines call every generation by one name), the instruction
sets that interpreters choose their kernels by (a hypervisor may hide some), the board, 32 or 64 bits, cores, a
container's limit, the governor; and, of a row, the runtime with its version. Not in it: what changes from minute to
minute (load, temperature, clock: a row has these for itself), and what is changed by updates without a network being
any faster (the kernel's release, its list of all processor flags, the distribution, Python).
"""

import platform
import struct
from pathlib import Path
from typing import Any

from device import board
from device.board import HERE
from device.errors import UserError

# By the kernel's names, x86's and ARM's.
INSTRUCTIONS = {
    *("avx2", "fma", "f16c", "avx512f", "avx512bw", "avx512_vnni", "avx_vnni", "avx512_bf16", "avx512_fp16"),
    *("amx_int8", "neon", "asimd", "asimdhp", "asimddp", "i8mm", "bf16", "sve", "sve2", "sme"),
}
# In the order they are told; those that schema 1 had, as device.board.describe names them, have the same names here.
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

Fingerprint = dict[str, Any]


def machine(root: Path = HERE) -> Fingerprint:
    """This machine's part, as a result document has it; null where the machine doesn't say."""
    return {
        "cpu": board.cpu_model(root),
        "cpu_numbers": board.cpu_numbers(root),
        "instructions": sorted(board.features(root) & INSTRUCTIONS),
        "board": board.name(root),
        "architecture": platform.machine(),
        "bits": 8 * struct.calcsize("P"),
        "cores": board.usable_cores(),
        "cpu_limit": board.cpu_limit(root),
        "governor": board.governors(root).get("policy0"),
    }


def take(runtime: str, version: str | None, root: Path = HERE) -> Fingerprint:
    """What a result would have that this runtime gave on this machine now."""
    return {**machine(root), "runtime": runtime, "runtime_version": version}


def of(document: dict[str, Any], row: dict[str, Any] | None = None) -> Fingerprint:
    """That of a document, with the row's part if a row is given; made of its 'machine' where it has none of its own.

    Empty where the document says nothing of its machine.
    """
    said = document.get("machine")
    if not isinstance(said, dict):
        return {}
    own = said.get("fingerprint")
    found = own if isinstance(own, dict) else {key: said[key] for key in MACHINE if key in said}
    if not found or row is None:
        return dict(found)
    return {**found, **{key: row[key] for key in ROW if key in row}}


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


def _words(value: Any, other: Any) -> str:
    """A list is told by what the other lacks."""
    if isinstance(value, list) and isinstance(other, list):
        more = [str(one) for one in value if one not in other]
        return f"with {', '.join(more)}" if more else "without"
    return "not known" if value is None else str(value)
