"""`device doctor` on a model file on this machine: its operators, its latency, int8 against float32."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from statistics import median
from typing import Any

from device import text
from device.commands import info
from device.commands.info import ModelInfo
from device.doctor import hardware
from device.doctor.findings import Finding
from device.errors import UserError
from device.host import system
from device.host.system import HERE
from device.inference import runtime, timing
from device.model import card as cards
from device.model import variants

# Each interpreter is timed for a second in all, in blocks, alternating with the others, so a disturbance slows all.
SECONDS, BLOCK_S, LEAST_SAMPLES = 1.0, 0.02, 3
# Noise alone rarely gives such a ratio of two medians that were timed so.
SLOWER = 1.1
# Where a network spends its time; operators that reshape or quantize cost little.
HEAVY = frozenset({"CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED", "TRANSPOSE_CONV", "BATCH_MATMUL"})


@dataclass(frozen=True)
class Plan:
    """What an interpreter runs: the number of parts delegated to XNNPACK, and the operators that it left."""

    parts: int
    left: tuple[str, ...]

    @property
    def heavy(self) -> tuple[str, ...]:
        return tuple(operator for operator in self.left if operator in HEAVY)


def findings(
    path: Path, runtime_name: str | None = None, size: tuple[int, int] | None = None, root: Path = HERE
) -> list[Finding]:
    """UserError if it is no image classifier, or can't be loaded. size: for a network that leaves it open."""
    found = runtime.find(runtime_name)
    described = info.describe(path, found.name, size)
    threads, float32 = system.usable_cores(), float32_beside(path)
    interpreters = [found.open(path, 1, size), found.open(path, threads, size)]
    if float32 is not None:
        interpreters.append(found.open(float32, 1))
    plans = [read_plan(interpreter) for interpreter in interpreters]
    one_ms, all_ms, *reference_ms = median_ms(interpreters)
    findings = [_file(described), operators(plans[0], found.name), _latency(one_ms, all_ms, threads)]
    if reference_ms:
        why = why_slower(plans[0], found.name, hardware.has_dot_product(root))
        findings.append(against_float32(one_ms / reference_ms[0], *why))
    return findings


def float32_beside(path: Path) -> Path | None:
    """NAME_float32.tflite of the same run, in the same folder as an int8 or dynamic file."""
    card = cards.read(path)
    if card is None or card.variant is None or not path.stem.endswith(f"_{card.variant}"):
        return None
    variant = variants.BY_NAME.get(card.variant)
    if variant is None or not variant.is_quantized:
        return None
    beside = path.with_name(f"{path.stem.removesuffix(card.variant)}float32.tflite")
    other = cards.read(beside) if beside.is_file() else None
    return beside if other is not None and card.origin is not None and other.origin == card.origin else None


def read_plan(interpreter: Any) -> Plan | None:
    """The operators on the way to the outputs; None if the runtime doesn't list operators.

    The list has every operator of the file, then a DELEGATE for each part that was delegated. A delegate also makes
    each tensor that other parts need, so from the outputs backward the last maker of each tensor counts.
    """
    try:
        nodes = interpreter._get_ops_details()
    except AttributeError:
        return None
    makers = {int(tensor): node for node in nodes for tensor in node["outputs"]}
    needed = [int(details["index"]) for details in interpreter.get_output_details()]
    names: dict[int, str] = {}
    while needed:
        maker = makers.get(needed.pop())
        if maker is not None and maker["index"] not in names:
            names[maker["index"]] = maker["op_name"]
            needed += [int(tensor) for tensor in maker["inputs"]]
    left = tuple(name for _, name in sorted(names.items()) if name != "DELEGATE")
    return Plan(len(names) - len(left), left)


def median_ms(interpreters: Sequence[Any]) -> list[float]:
    """The median time of invoke for each, in milliseconds, with random pixels."""
    for interpreter in interpreters:
        timing.feed(interpreter)
        try:
            interpreter.invoke()  # the first one takes longer
        except (RuntimeError, ValueError) as error:
            raise UserError(f"the model can't be run: {text.one_line(error)}") from None
    rounds = timing.rounds(interpreters, SECONDS * len(interpreters), BLOCK_S, LEAST_SAMPLES)
    return [1e3 * median(chain(*(block.invokes_s for block in blocks))) for blocks in zip(*rounds, strict=True)]


def why_slower(plan: Plan | None, runtime_name: str, dot_product: bool) -> tuple[str, str]:
    """(why int8 is slower than float32, what to do), judging by the file, the runtime and the processor."""
    float16 = "use the float16 file: half the size of float32, at its speed"
    if plan is not None and plan.heavy:
        if runtime_name == "tflite-runtime":
            advice = f"use LiteRT, whose XNNPACK computes int8; if there is no wheel, {float16}"
            return "tflite-runtime does not run int8 operators on XNNPACK", advice
        return f"XNNPACK does not run {_counted(plan.heavy)}", f"export it again with python -m export, or {float16}"
    if not dot_product:
        return "probably because this processor has no dot product for bytes", float16
    return "the reason is unknown", f"measure it again (python -m benchmarks latency); if it stays so, {float16}"


def _file(found: ModelInfo) -> Finding:
    named = f"{found.card.name}, {found.card.variant or 'unknown variant'}, {text.size(found.file_bytes)}"
    return Finding("ok", "model", f"{named}, {found.input_text}, {found.output.count} outputs")


def operators(plan: Plan | None, runtime_name: str) -> Finding:
    """The finding on which operators XNNPACK does not run."""
    if plan is None:
        return Finding("note", "operators", f"unknown which run on XNNPACK: {runtime_name} doesn't list them")
    parts = f"{text.count(plan.parts, 'part')} on XNNPACK"
    if not plan.heavy:
        beside = f"; others, at little cost: {_counted(plan.left)}" if plan.left else ""
        return Finding("ok", "operators", parts + beside)
    found = f"{parts}; not: {_counted(plan.heavy)}"
    if runtime_name == "tflite-runtime":
        advice = "LiteRT runs these on XNNPACK; it has wheels for 64 bits: pip install -r requirements/device.txt"
    else:
        advice = "export it as float32 or int8 with python -m export; in a container check that /proc is mounted"
    return Finding("note", "operators", found, advice)


def _counted(operators: Sequence[str]) -> str:
    return ", ".join(f"{name} x{n}" if n > 1 else name for name, n in Counter(operators).items())


def _latency(one_ms: float, all_ms: float, threads: int) -> Finding:
    found = f"{text.milliseconds(one_ms)} ms with 1 thread"
    if threads == 1:
        return Finding("ok", "latency", found)
    better = f"--threads {threads} is faster here" if all_ms * SLOWER < one_ms else "1 thread is enough"
    return Finding("ok", "latency", f"{found}, {text.milliseconds(all_ms)} ms with {threads}: {better}")


def against_float32(ratio: float, why: str, advice: str) -> Finding:
    """ratio: the file's latency to float32's. why, advice: for a file that is slower."""
    found = f"{text.ratio(ratio)} of the float32 file's latency"
    if ratio <= SLOWER:
        return Finding("ok", "to float32", found)
    return Finding("problem", "to float32", f"{found}: {why}", advice)
