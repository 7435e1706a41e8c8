"""Latency of model files: invoke alone and a camera frame's whole processing, everything interleaved.

First each case has a fresh process to itself: loading, the first inference, memory, sustained rate, energy. Then fresh
processes load all cases together, and each series gets blocks of a few milliseconds in random order. So another process
that uses the processor for a while slows all of them, and their ratio holds even if their times don't. That continues
until the intervals of the medians, over processes, are narrow, or the time is over.
"""

import math
import random
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from time import monotonic

from benchmarks import progress
from benchmarks.documents import results
from benchmarks.documents.models import Model
from benchmarks.documents.rows import LatencyRow
from benchmarks.timing.conditions import Watch
from benchmarks.timing.energy import Meter
from benchmarks.timing.process import BenchmarkCase, LostError, Series, TimingWorker
from benchmarks.timing.record import Burst, Record, Sustained

WARMUP_S = 0.3
# In every process, for each series, before its samples count.
WARMUP_AGAIN_S = 0.02
BURST_S = 0.1
# A case's time is split over about so many processes.
PROCESSES = 8
SHORTEST_SHARE_S = 0.05
MIN_SAMPLES = 100
# Half the width of the median's interval, as a share of the median, that ends the measurement.
NARROW = 0.01
# So many lost processes without a case to blame mean that something outside keeps ending them.
MOST_LOSSES = 3
SEED = 1


@dataclass(frozen=True)
class Engine:
    """A Python, and which of its runtimes (None: the first found there)."""

    python: str = sys.executable
    runtime: str | None = None


@dataclass(frozen=True)
class MeasuredLatencies:
    """One row per case, in the order of models, threads, engines. interrupted: by Ctrl-C.

    notes: how the user could measure more.
    """

    rows: tuple[LatencyRow, ...]
    interrupted: bool
    notes: tuple[str, ...]


def measure(
    models: Sequence[Model],
    seconds: float,
    threads: Sequence[int] = (1,),
    engines: Sequence[Engine] = (Engine(),),
    sustained_s: float = 0.0,
    size: tuple[int, int] | None = None,
) -> MeasuredLatencies:
    """seconds: the limit for each case, but it takes at least MIN_SAMPLES. A failed case has an "error". size: (height,
    width) for networks without a card that leave them open.

    After Ctrl-C, returns what was measured, if anything.
    """
    records = [
        Record(model, BenchmarkCase(model.path, count, engine.runtime, True, model.size(size)), engine.python)
        for model in models
        for count in threads
        for engine in engines
    ]
    scheduler = Scheduler(records, seconds, sustained_s)
    interrupted = False
    try:
        scheduler.run()
    except KeyboardInterrupt:
        if not any(record.is_begun for record in records):
            raise
        interrupted = True
        for record in records:
            if not record.is_begun:
                record.error = record.error or results.NOT_YET
    meter = scheduler.meter
    notes = (meter.why,) if sustained_s and meter.is_refused and meter.why else ()
    return MeasuredLatencies(tuple(record.row(float32_of(record, records)) for record in records), interrupted, notes)


class Scheduler:
    """Schedules the bursts of all cases."""

    def __init__(self, records: Sequence[Record], seconds: float, sustained_s: float) -> None:
        self.records = records
        self.seconds, self.sustained_s = seconds, sustained_s
        self.share_s = max(seconds / PROCESSES, SHORTEST_SHARE_S)
        self.began = monotonic()
        self.watch, self.meter = Watch(), Meter()
        self.random = random.Random(SEED)
        self.losses = 0

    def run(self) -> None:
        alone_s = WARMUP_S + self.sustained_s
        with progress.bar(len(self.records) * (alone_s + self.seconds), "timing", "s") as advance:
            for record in self.records:
                self._alone(record)
                advance(alone_s)
            spent_s, process = 0.0, 0
            while self._goes_on(spent_s):
                self.together(process)
                process += 1
                spent_s += self.share_s
                advance(len(self.records) * min(self.share_s, max(0.0, self.seconds + self.share_s - spent_s)))

    def good(self) -> list[Record]:
        return [record for record in self.records if record.error is None]

    def _goes_on(self, spent_s: float) -> bool:
        """Whether another round of fresh processes is needed."""
        good = self.good()
        if not good:
            return False
        if min(len(record.samples_ms("invoke")) for record in good) < MIN_SAMPLES:
            return True
        return spent_s < self.seconds and not all(_is_narrow(record) for record in good)

    def _alone(self, record: Record) -> None:
        """Measures the case in its own process."""
        try:
            with TimingWorker([record.case], record.python) as worker:
                record.load(worker.loaded[0])
                if record.error is not None:
                    return
                last = worker.series[-1]  # the whole frame, if the file supports it
                (warmup,) = worker.burst(worker.series[:1], WARMUP_S)
                record.warmup_ms = warmup.wall_ms
                record.check(warmup)
                if self.sustained_s and record.error is None:
                    record.sustained = self._sustain(worker, last, record)
        except LostError as error:
            record.error = str(error)

    def _sustain(self, worker: TimingWorker, series: Series, record: Record) -> Sustained:
        bursts: list[Burst] = []
        before, start = self.meter.joules(), monotonic()
        while (spent_s := monotonic() - start) < self.sustained_s and record.error is None:
            at_s = monotonic() - self.began
            (samples,) = worker.burst([series], min(1.0, self.sustained_s - spent_s))
            record.check(samples)
            bursts.append(Burst(at_s, -1, samples.wall_ms, self.watch.read()))
            self.meter.joules()  # read often: a counter must not wrap around twice between reads
        seconds, after = monotonic() - start, self.meter.joules()
        return Sustained(series.what, seconds, None if before is None or after is None else after - before, bursts)

    def together(self, process: int) -> None:
        """Runs one round: a fresh process for every Python, with all its cases in random order."""
        good = self.good()
        by_python: dict[str, list[Record]] = {}
        for record in self.random.sample(good, len(good)):
            by_python.setdefault(record.python, []).append(record)
        with ExitStack() as stack:
            workers = []
            for python, records in by_python.items():
                try:
                    worker = TimingWorker([record.case for record in records], python, seed=process)
                except LostError as error:
                    self._lose(records, error)
                    continue
                workers.append((stack.enter_context(worker), records))
                for record, loaded in zip(records, worker.loaded, strict=True):
                    record.load(loaded)
            self._alternate(workers, process)

    def _alternate(self, workers: list[tuple[TimingWorker, list[Record]]], process: int) -> None:
        """Alternates between processes until each series has had its time. A lost process ends the round."""
        for worker, records in workers:
            try:
                warmups = worker.burst(worker.series, WARMUP_AGAIN_S * len(worker.series))
            except LostError as error:
                self._lose(records, error)
                return
            for one, samples in zip(worker.series, warmups, strict=True):
                records[one.case].check(samples)
        series = sum(len(worker.series) for worker, _ in workers)
        end, fewest = monotonic() + self.share_s * series, 0.0
        # A fresh process takes seconds on a slow board, so each must give its part of MIN_SAMPLES.
        while monotonic() < end or fewest < MIN_SAMPLES / PROCESSES:
            counts = []
            for worker, records in self.random.sample(workers, len(workers)):
                at_s = monotonic() - self.began
                try:
                    taken = worker.burst(worker.series, BURST_S)
                except LostError as error:
                    self._lose(records, error)
                    return
                now = self.watch.read()
                for one, samples in zip(worker.series, taken, strict=True):
                    records[one.case].add(one.what, at_s, process, samples, now)
                    counts.append(math.inf if samples.error else len(samples.wall_ms))
            fewest += min(counts)

    def _lose(self, records: list[Record], error: LostError) -> None:
        """After losing a process with several cases, tries each case alone, and drops those that die again.

        If none does, something else ended the process, and there is another round; after MOST_LOSSES all are dropped.
        """
        for record in records:
            try:
                with TimingWorker([record.case], record.python) as worker:
                    worker.burst(worker.series, WARMUP_S)
            except LostError as alone:
                record.error = str(alone)
        if any(record.error for record in records):
            return
        self.losses += 1
        if self.losses >= MOST_LOSSES:
            for record in records:
                record.error = str(error)


def _is_narrow(record: Record) -> bool:
    """Whether every series' median is known well enough."""
    intervals = [record.interval(what) for what, bursts in record.bursts.items() if bursts]
    return all(each is not None and each.half_width <= NARROW * each.middle for each in intervals)


def float32_of(record: Record, records: Sequence[Record]) -> Record | None:
    """The measured float32 file of the same run with as many threads in the same runtime."""
    origin = record.model.origin
    for other in records:
        same = (other.python, other.case.threads, other.case.runtime) == (
            record.python,
            record.case.threads,
            record.case.runtime,
        )
        timed = other.error is None and other.model.variant == "float32"
        if origin is not None and same and timed and other.model.origin == origin:
            return other
    return None
