"""Result documents as two machines would write them, for the tests of the report: drawn figures, nothing measured."""

import json
from pathlib import Path
from typing import Any

import numpy as np

from device.evaluation import evaluate
from device.model.variants import DEFAULT

PC = {
    "cpu": "AMD EPYC",
    "board": None,
    "architecture": "x86_64",
    "cores": 2,
    "memory_bytes": 25_276_502_016,
    "system": "Debian GNU/Linux 12 (bookworm), Linux 6.18.44",
    "python": "3.11.7",
    "governor": None,
    "temperature_c": None,
    "load_1min": 0.42,
}
PI = {
    **PC,
    "cpu": "Cortex-A72",
    "board": "Raspberry Pi 4 Model B Rev 1.4",
    "architecture": "aarch64",
    "cores": 4,
    "memory_bytes": 3_977_609_216,
    "governor": "ondemand",
    "temperature_c": 71.5,
}
RIGHT = {"float32": 9142, "float16": 9142, "dynamic": 9139, "int8": 9101}
BYTES = {"float32": 412_300, "float16": 213_900, "dynamic": 118_000, "int8": 121_700}
LABELS = ("t-shirt", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "ankle boot")
# As a name in a file may be, of somebody who wants to run something in the page.
HOSTILE = "<script>alert('1')</script> & \"quoted\" $x_y$ --> \u202e\n"


def document(machine: dict[str, Any], results: list[dict[str, Any]], **more: Any) -> dict[str, Any]:
    names = ("cpu", "board", "architecture", "cores", "governor")
    kernels = ["asimd"] if machine["architecture"] == "aarch64" else ["avx2", "fma"]
    return {
        "schema": 2,
        "machine": {**machine, "fingerprint": {**{name: machine[name] for name in names}, "instructions": kernels}},
        **more,
        "results": results,
    }


def write(path: Path, content: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


def latency_row(variant: str, threads: int, p50_ms: float, is_warm: bool = False, seed: int = 1) -> dict[str, Any]:
    """p50_ms: about; is_warm: of a board that has a thermometer, and was throttled in the end."""
    random = np.random.default_rng(seed)
    samples = np.sort(p50_ms * (0.96 + random.gamma(1.2, 0.035, 400)))
    samples[-2:] *= 6
    random.shuffle(samples)
    frames = 3.1 * p50_ms * (0.97 + random.gamma(2, 0.02, 150))
    right = RIGHT[variant]
    p50, p90, p99 = (float(np.percentile(samples, q)) for q in (50, 90, 99))
    return {
        "file": f"fashion_mnist_{variant}.tflite",
        "sha256": f"{DEFAULT.index(variant):064x}",
        "variant": variant,
        "runtime": "litert",
        "runtime_version": "2.3.0",
        "threads": threads,
        "error": None,
        **{"p50_ms": p50, "p90_ms": p90, "p99_ms": p99, "p50_interval_ms": [0.985 * p50, 1.02 * p50]},
        # Of ten times as many, of which every tenth was kept; the longest was not.
        **{"max_ms": 9 * p50, "longest_ms": [9 * p50, *sorted(samples, reverse=True)[:19]]},
        **{"processes": 8, "n": 4000, "ratio_to_float32": 1.0 if variant == "float32" else 0.6},
        **{"file_bytes": BYTES[variant], "peak_memory_bytes": 61_000_000 + 40 * BYTES[variant]},
        **{"load_ms": 2.13, "first_ms": 3 * p50},
        "frame": {
            **{"p50_ms": float(np.percentile(frames, 50)), "p90_ms": float(np.percentile(frames, 90)), "p99_ms": None},
            **{"max_ms": float(frames.max()), "longest_ms": sorted(frames.tolist(), reverse=True)[:20]},
            "p50_interval_ms": [0.98 * float(np.median(frames)), 1.02 * float(np.median(frames))],
            "n": 150,
            "samples_ms": frames.tolist(),
        },
        "sustained": {
            "seconds": 1.0,
            "frames_per_second": 310 / p50,
            "cold_p50_ms": 3.0 * p50,
            "p50_ms": 3.3 * p50,
            "what": "frame",
        },
        "energy_mj": None if is_warm else 1.42,
        "throttled": ["under-voltage", "throttled"] if is_warm and variant == "float32" else [],
        "temperature_c": [58.4, 80.6] if is_warm else None,
        "clock_mhz": [1200.0, 1800.0] if is_warm else None,
        "bursts": bursts(p50, is_warm, variant, random),
        **{"top1": right / 10_000, "accuracy_n": 10_000, "interval": list(evaluate.wilson(right, 10_000))},
        **{"accuracy_split": "test", "samples_ms": samples.tolist(), "warmup_ms": [2 * p50, p50]},
    }


def failed(row: dict[str, Any], error: str) -> dict[str, Any]:
    """The row as it is written when nothing could be measured."""
    kept = ("file", "sha256", "variant", "runtime", "threads")
    nothing: dict[str, Any] = {name: [] if isinstance(value, list) else None for name, value in row.items()}
    unknown = {"p50_interval_ms": None, "temperature_c": None, "clock_mhz": None, "interval": None}
    counts = {"processes": 0, "n": 0, "error": error}
    return {**nothing, **unknown, **counts, **{name: row[name] for name in kept}}


def bursts(p50_ms: float, is_warm: bool, variant: str, random: np.random.Generator) -> list[dict[str, Any]]:
    """Fifty, half a second apart; the last ten of a warm float32 on a slower clock."""
    made = []
    for place in range(50):
        slowed = is_warm and place >= 40
        made.append(
            {
                "what": "invoke",
                "at_s": 0.5 * place + 0.1 * DEFAULT.index(variant),
                "n": 40,
                "p50_ms": p50_ms * (1.4 if slowed else 1.0) * random.normal(1, 0.012),
                "temperature_c": 58.4 + 0.45 * place if is_warm else None,
                "clock_mhz": (1200.0 if slowed else 1800.0) if is_warm else None,
                "throttled": ["throttled"] if slowed and variant == "float32" else [],
            }
        )
    return made


def latency(machine: dict[str, Any], base_ms: float, is_warm: bool = False, **more: Any) -> dict[str, Any]:
    """Four variants on one and two threads."""
    speed = {"float32": 1.0, "float16": 1.01, "dynamic": 0.8, "int8": 0.55}
    rows = [
        latency_row(variant, threads, base_ms * speed[variant] * (1.0, 0.62)[threads - 1], is_warm, threads + 7 * place)
        for place, variant in enumerate(DEFAULT)
        for threads in (1, 2)
    ]
    return document(machine, rows, **more)


def accuracy_row(variant: str, labels: tuple[str, ...] = LABELS, seed: int = 3) -> dict[str, Any]:
    """int8 loses a little of most labels."""
    random = np.random.default_rng(seed)
    shares = 0.75 + 0.24 * random.random(len(labels))
    losses = 0.02 * random.random(len(labels)) - 0.004 if variant == "int8" else np.zeros(len(labels))
    rights = np.round(1000 * np.clip(shares - losses, 0, 1)).astype(int).tolist()

    def judged(right: int, n: int) -> dict[str, Any]:
        return {"top1": right / n, "n": n, "interval": list(evaluate.wilson(right, n))}

    return {
        "file": f"fashion_mnist_{variant}.tflite",
        "variant": variant,
        **judged(sum(rights), 1000 * len(labels)),
        **{"left_out": 0, "data": "fashion_mnist", "split": "test", "runtime": "litert"},
        "per_class": [{"label": label, **judged(right, 1000)} for label, right in zip(labels, rights, strict=True)],
    }


def accuracy(machine: dict[str, Any], labels: tuple[str, ...] = LABELS) -> dict[str, Any]:
    return document(machine, [accuracy_row(variant, labels) for variant in DEFAULT])
