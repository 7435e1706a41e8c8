"""The gate: is the candidate slower or less accurate than the base? Measures, judges, and gives reasons."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from time import monotonic

from benchmarks import progress
from benchmarks.documents import models, results
from benchmarks.documents.models import Model
from benchmarks.gate import baseline, committed, dependence, drop, pairs, verdict
from benchmarks.gate.baseline import Baseline
from benchmarks.gate.drop import Drop, Right
from benchmarks.gate.pairs import Round, Side
from benchmarks.gate.verdict import Answer, Verdict
from benchmarks.statistics.stats import Interval
from device import command, records
from device.errors import UserError
from device.host import system
from device.inference.overrides import Overrides
from device.inference.runtime import Runtime
from device.model import model_kinds

CODES: dict[Answer, int] = {
    "no regression": command.GOOD,
    "regression": command.FAILED,
    "can't tell": command.INCONCLUSIVE,
}


@dataclass(frozen=True)
class GateLimits:
    """slowdown: 0.05 lets the candidate be 5 % slower. drop: 0.01 lets it lose one point of accuracy; None: not
    gated."""

    slowdown: float = 0.05
    drop: float | None = None


@dataclass(frozen=True)
class Ends:
    """A base and a candidate. stored: the baseline whose reference workload replaces the base."""

    base: Model
    candidate: Model
    base_name: str
    stored: Baseline | None = None

    @property
    def expected(self) -> Interval | None:
        return self.stored.interval if self.stored else None


@dataclass(frozen=True)
class GateOutcome:
    """answer: the worse of both judgments. notes: further remarks."""

    answer: Answer
    base: str
    candidate: str
    latency: Verdict
    accuracy: Drop | None
    limits: GateLimits
    threads: int
    seconds: float
    notes: tuple[str, ...]
    interrupted: bool

    @property
    def code(self) -> int:
        """The exit code of the command."""
        return command.INTERRUPTED if self.interrupted else CODES[self.answer]

    def document(self) -> dict[str, object]:
        """The result document, with the outcome in the section "gate"."""
        found = {**records.to_json(self), "exit_code": self.code}
        return results.of([], self.interrupted).to_json(gate=found)


@contextmanager
def ends(base: str, candidate: Path, threads: int, runtime: Runtime, other_machine: bool = False) -> Iterator[Ends]:
    """Finds both. base: a model file, a stored baseline, or REF:PATH of either.

    UserError if one is missing or no model.
    """
    model_kinds.require_tflite(candidate)
    ours = _model(candidate)
    with tempfile.TemporaryDirectory(prefix="framelite-") as folder:
        path = committed.take(base, Path(folder)) if committed.is_committed(base) else Path(base)
        with committed.called(path, base):
            if baseline.is_baseline(path):
                stored = baseline.read(path, threads, runtime, other_machine)
                yield Ends(_model(baseline.REFERENCE), ours, f"{base} ({stored.file})", stored)
            else:
                yield Ends(_model(path), ours, base)


def _model(path: Path) -> Model:
    if path.is_dir():
        model_kinds.require_tflite(path)
    if not path.is_file():
        raise UserError(
            f"{path}: no such file; expected a .tflite file, REF:PATH, or a baseline made with: python -m benchmarks"
            " baseline MODEL -o FILE.json"
        )
    (found,) = models.find_whole([path])
    return found


def rounds(
    found: Ends, limit: float, threads: int, runtime: Runtime, seconds: float, size: tuple[int, int] | None = None
) -> Iterator[Round]:
    """Rounds of base and candidate until the verdict is certain or the time is over."""
    measured: list[Round] = []
    base, candidate = (
        Side(model.path, threads, runtime.name, size=model.size(size)) for model in (found.base, found.candidate)
    )
    with progress.bar(seconds, "gate", "s") as advance:
        at_s = monotonic()
        for each in pairs.rounds(base, candidate, seconds):
            measured.append(each)
            advance(monotonic() - at_s)
            at_s = monotonic()
            yield each
            if verdict.is_certain(measured, threads, limit, found.expected):
                break


def run(
    found: Ends,
    limits: GateLimits,
    threads: int,
    runtime: Runtime,
    seconds: float,
    data: str | None,
    overrides: Overrides,
) -> GateOutcome:
    """seconds: the limit for latency. data: a data set by name, or a folder.

    Accuracy comes first, so that errors of images or labels come at once. After Ctrl-C, judges what is known by then.
    """
    start, lost, interrupted = monotonic(), None, False
    measured: list[Round] = []
    try:
        if limits.drop is not None:
            lost = accuracy(found, limits.drop, threads, runtime, data, overrides)
        for each in rounds(found, limits.slowdown, threads, runtime, seconds, overrides.size):
            measured.append(each)
    except KeyboardInterrupt:
        interrupted = True
    by_time = verdict.judge(measured, threads, limits.slowdown, to=found.expected)
    outcome = GateOutcome(
        "can't tell" if interrupted else _worse([by_time.answer, *([lost.answer] if lost else [])]),
        found.base_name,
        str(found.candidate.path),
        by_time,
        lost,
        limits,
        threads,
        round(monotonic() - start, 1),
        (),
        interrupted,
    )
    return replace(outcome, notes=tuple(notes(found, outcome)))


def _worse(answers: list[Answer]) -> Answer:
    if "regression" in answers:
        return "regression"
    return "can't tell" if "can't tell" in answers else "no regression"


def accuracy(found: Ends, most: float, threads: int, runtime: Runtime, data: str | None, overrides: Overrides) -> Drop:
    """The paired loss on the same images. A baseline has stored its predictions."""
    base: Right
    if found.stored is None:
        base = drop.right(found.base, data, overrides, threads, runtime.name)
    elif found.stored.right is None:
        raise UserError(f"{found.base_name}: the baseline was made without --data; create it again with --data")
    else:
        base = found.stored.right
        data = data or found.stored.data
    asked = drop.ask(found.candidate, data, overrides, threads, runtime.name)
    return drop.judge(base, asked.right, most, asked.labels)


def _is_explained(found: Ends, lost: Drop | None) -> bool:
    """Whether a much faster candidate is plausible: as accurate as the base, or a quantized variant of it."""
    base, candidate = found.base, found.candidate
    is_other_variant = found.stored is None and base.origin is not None and base.origin == candidate.origin
    return (lost is not None and lost.answer == "no regression") or (
        is_other_variant and base.variant != candidate.variant
    )


def notes(found: Ends, outcome: GateOutcome) -> Iterator[str]:
    by_time, lost = outcome.latency, outcome.accuracy
    if outcome.interrupted:
        yield "interrupted: this is the result so far"
    if outcome.limits.drop is None:
        yield "latency only; --max-drop POINTS with --data gates accuracy too"
    if lost is not None and outcome.limits.drop is not None:
        yield from drop.notes(lost, outcome.limits.drop)
    if lost is not None and lost.aside:
        yield f"images that only base or candidate classified: {lost.aside}; they don't count"
    if found.candidate.sha256() == (found.stored.sha256 if found.stored else found.base.sha256()):
        yield "base and candidate are the same file"
    elif by_time.ratio is not None and by_time.ratio.middle < verdict.SUSPICIOUS and not _is_explained(found, lost):
        yield (
            f"the candidate takes {by_time.ratio.middle:.2f} of the base's time; check that it is the right model: a"
            " much faster one is usually a wrong one"
        )
    if by_time.clock == "cpu":
        yield (
            f"other processes used the processor for {100 * by_time.taken:.0f} % of the time, so this is based on the"
            " CPU time of the measuring thread, not on the wall clock"
        )
    if outcome.threads == 1 and by_time.step_ms > verdict.COARSE_MS:
        yield (
            f"the thread's CPU time has a resolution of only {by_time.step_ms:.1f} ms here, so the wall clock counts,"
            " including the time of other processes"
        )
    if by_time.dependent:
        yield (
            "each round is close to the previous one: something changes slowly on this machine, so the ratio's interval"
            f" is {dependence.WIDER:g} times as wide"
        )
    if system.usable_cores() == 1:
        yield "this machine has one core, so everything else that runs disturbs the measurement"
