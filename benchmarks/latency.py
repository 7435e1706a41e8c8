"""How long a model file takes to answer: invoke alone, every file interleaved with the others.

All files are loaded first and warmed up; then, round after round, each gets a block of a few milliseconds in random
order. So a neighbour who takes the processor for a while takes it from all of them, and their ratio holds where their
times don't.
"""

import random
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any

from benchmarks import peak_memory, progress, stats, workload
from benchmarks.models import Model
from benchmarks.workload import Workload
from device.runtime import Runtime

WARMUP_S = 0.3
BLOCK_S = 0.004
MIN_SAMPLES = 100
MAX_SAMPLES = 20_000
# As many raw samples a file as a result document holds; evenly taken from all rounds.
KEPT_SAMPLES = 2_000
SEED = 1


@dataclass
class Timing:
    """The samples of one file, in milliseconds, warm-ups apart."""

    model: Model
    work: Workload
    warmup_ms: list[float] = field(default_factory=list)
    samples_ms: list[float] = field(default_factory=list)

    def block(self, into: list[float], seconds: float) -> None:
        """Invokes for about `seconds`, at least once."""
        end = perf_counter() + seconds
        while True:
            start = perf_counter()
            self.work.invoke()
            now = perf_counter()
            into.append(1e3 * (now - start))
            if now >= end:
                return


def measure(models: list[Model], threads: int, runtime: Runtime, seconds: float) -> list[dict[str, Any]]:
    """A result a file. seconds: time for each file; at least MIN_SAMPLES are taken, however long that lasts."""
    timings = [Timing(model, workload.load(model.path, threads, runtime)) for model in models]
    for timing in timings:
        timing.block(timing.warmup_ms, WARMUP_S)
    order = random.Random(SEED)
    total_s = seconds * len(timings)
    with progress.bar(total_s, "timing", "s") as advance:
        spent_s = 0.0
        while spent_s < total_s or min(len(t.samples_ms) for t in timings) < MIN_SAMPLES:
            start = perf_counter()
            order.shuffle(timings)
            for timing in timings:
                timing.block(timing.samples_ms, BLOCK_S)
            round_s = perf_counter() - start
            advance(max(0.0, min(round_s, total_s - spent_s)))
            spent_s += round_s
            if min(len(t.samples_ms) for t in timings) >= MAX_SAMPLES:
                break
    by_path = {timing.model.path: timing for timing in timings}
    return [_result(by_path[model.path], timings, threads, runtime) for model in models]


def _result(timing: Timing, all_timings: list[Timing], threads: int, runtime: Runtime) -> dict[str, Any]:
    model, samples = timing.model, timing.samples_ms
    p50 = stats.percentile(samples, 50)
    base = _float32_of(model, all_timings)
    card = model.card
    accuracy = card.accuracy if card else None
    return {
        "file": model.path.name,
        "sha256": model.sha256(),
        "variant": model.variant,
        "runtime": runtime.name,
        "runtime_version": runtime.version,
        "threads": threads,
        "p50_ms": p50,
        "p90_ms": stats.percentile(samples, 90),
        "p99_ms": stats.percentile(samples, 99),
        "n": len(samples),
        "ratio_to_float32": None if base is None else p50 / stats.percentile(base.samples_ms, 50),
        "file_bytes": model.path.stat().st_size,
        "peak_memory_bytes": peak_memory.measure(model.path, threads, runtime.name),
        "top1": accuracy.top1 if accuracy else None,
        "accuracy_n": accuracy.n if accuracy else None,
        "interval": list(accuracy.interval) if accuracy else None,
        "accuracy_split": accuracy.split if accuracy else None,
        "samples_ms": _thinned(samples),
        "warmup_ms": _thinned(timing.warmup_ms),
    }


def _float32_of(model: Model, timings: list[Timing]) -> Timing | None:
    """The float32 file of the same run among those that were timed."""
    if model.origin is None:
        return None
    same = (t for t in timings if t.model.variant == "float32" and t.model.origin == model.origin)
    return next(same, None)


def _thinned(samples: list[float]) -> list[float]:
    step = -(-len(samples) // KEPT_SAMPLES)
    return [round(value, 6) for value in samples[::step]]
