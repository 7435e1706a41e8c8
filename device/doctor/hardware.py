"""`device doctor` on the machine: board, processor, cores, memory, clock, temperature and power."""

import os
import platform
import struct
from collections.abc import Iterator
from pathlib import Path

from device.doctor.findings import Finding
from device.host import system, throttling
from device.host.system import HERE
from device.host.throttling import Throttling

# Instruction sets that make int8 fast: (the kernel's name, the common name), the best first.
X86_FEATURES = (("avx512_vnni", "AVX512-VNNI"), ("avx_vnni", "AVX-VNNI"), ("avx2", "AVX2"))
ARM_FEATURES = (("i8mm", "i8mm"), ("asimddp", "dot product"), ("asimd", "NEON"), ("neon", "NEON"))
# A network of ours needs about 70 MB in all; OpenCV and a camera's frames need some more.
LEAST_MEMORY_BYTES = 150_000_000
WARM_C = 75.0  # a Raspberry Pi slows down from 80 on


def findings(root: Path = HERE) -> list[Finding]:
    """root: where /proc and /sys are read."""
    found = [_board(root), _processor(root), _cores(root), _memory(root), _governor(root), _temperature(root)]
    return [finding for finding in (*found, _throttling(root)) if finding is not None]


def is_raspberry_pi(root: Path = HERE) -> bool:
    return (system.name(root) or "").startswith("Raspberry Pi")


def has_dot_product(root: Path = HERE) -> bool:
    """Whether the processor has a dot product for bytes, which speeds up int8: asimddp on ARM, VNNI on x86."""
    return bool(system.features(root) & {"asimddp", "i8mm", "avx512_vnni", "avx_vnni"})


def _board(root: Path) -> Finding:
    bits = 8 * struct.calcsize("P")
    parts = (system.name(root), platform.machine(), f"Python of {bits} bits", system.system())
    found = ", ".join(part for part in parts if part)
    if bits == 32:
        advice = "LiteRT's wheels are for 64 bits only: install a 64-bit system, or use tflite-runtime"
        return Finding("note", "machine", found, advice)
    return Finding("ok", "machine", found)


def _processor(root: Path) -> Finding:
    has = system.features(root)
    model = system.cpu_model(root) or "not known"
    x86 = "sse2" in has
    words = [word for feature, word in (X86_FEATURES if x86 else ARM_FEATURES) if feature in has]
    named = f"{model}: {', '.join(dict.fromkeys(words)) or 'no instruction sets that matter'}"
    if not has:
        return Finding("note", "processor", f"{model}: its features can't be read", "check that /proc is mounted")
    if x86 and "avx2" not in has:
        return Finding("note", "processor", f"{named}; no AVX2: networks run slower than on processors since 2013")
    if not has_dot_product(root):
        lacks = "no VNNI" if x86 else "no dot product (as Cortex-A53 and A72)"
        return Finding("ok", "processor", f"{named}; {lacks}: int8 gains less here than on newer ones")
    return Finding("ok", "processor", named)


def _cores(root: Path) -> Finding:
    usable, all_cores, limit = system.usable_cores(), os.cpu_count() or 1, system.cpu_limit(root)
    found = f"{usable} of {all_cores} usable"
    if limit is not None and limit < usable:
        advice = "more threads than that wait for each other: leave --threads at 1, or raise the container's limit"
        return Finding(
            "note", "cores", f"{found}, limited to the CPU time of {limit:g} (the container's limit)", advice
        )
    return Finding("ok", "cores", found)


def _memory(root: Path) -> Finding | None:
    total, free = system.memory_bytes(root), system.memory_bytes(root, "MemAvailable")
    if total is None:
        return None
    found = f"{total / 1e9:.1f} GB" + ("" if free is None else f", {free / 1e9:.1f} GB of it available")
    if free is not None and free < LEAST_MEMORY_BYTES:
        return Finding("note", "memory", found, "close other programs; a desktop uses most of a small board's memory")
    return Finding("ok", "memory", found)


def _governor(root: Path) -> Finding | None:
    governors = system.governors(root)
    if not governors:
        return None
    found = ", ".join(f"{policy} {governor}" for policy, governor in governors.items())
    kinds = set(governors.values())
    set_it = "echo performance | sudo tee /sys/devices/system/cpu/cpufreq/policy*/scaling_governor"
    # On x86 the processor itself chooses the clock, even with powersave.
    if "powersave" in kinds and system.frequency_driver(root) not in ("intel_pstate", "amd-pstate-epp"):
        return Finding("problem", "governor", f"{found}: always the lowest clock", set_it)
    if kinds == {"performance"}:
        return Finding("ok", "governor", found)
    return Finding("note", "governor", f"{found}: the clock follows the load", f"before measuring: {set_it}")


def _temperature(root: Path) -> Finding | None:
    celsius = system.temperature_c(root)
    if celsius is None:
        return None
    if celsius < WARM_C:
        return Finding("ok", "temperature", f"{celsius:.0f} °C")
    advice = "cool it (a heat sink, a fan, air): a Raspberry Pi slows down from 80 °C on"
    return Finding("note", "temperature", f"{celsius:.0f} °C", advice)


def _throttling(root: Path) -> Finding | None:
    state = throttling.read()
    if state is None:
        missing = Finding("note", "power", "unknown: there is no vcgencmd", "sudo apt install raspi-utils")
        return missing if is_raspberry_pi(root) else None
    if state.error is not None:
        advice = "it belongs to the group video: sudo usermod -aG video $USER, and log in again"
        return Finding("note", "power", f"unknown: vcgencmd: {state.error}", advice)
    spans = (("now", state.now), ("since boot", state.since_boot))
    found = "; ".join(f"{when}: {', '.join(words)}" for when, words in spans if words)
    if not found:
        return Finding("ok", "power", "no under-voltage or throttling since boot")
    return Finding("problem" if state.now else "note", "power", found, "; ".join(_advice(state)))


def _advice(state: Throttling) -> Iterator[str]:
    seen = {*state.now, *state.since_boot}
    if "under-voltage" in seen:
        yield "use the board's official power supply and a short cable; unplug USB devices that draw power"
    if seen - {"under-voltage"}:
        yield "check the power supply first, then cool the board: both slow the processor down"
