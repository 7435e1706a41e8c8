"""How long model files take to answer: invoke alone and a camera frame's whole way, everything interleaved.

First each case has a fresh process to itself: loading, the first inference, memory, the rate it can keep up, energy.
Then fresh processes load all cases together, and each lane gets blocks of a few milliseconds in random order. So a
neighbor who takes the processor for a while takes it from all of them, and their ratio holds where their times don't.
That goes on until the intervals of the medians, over processes, are narrow, or the time is spent.
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
from benchmarks.timing.process import BenchmarkCase, Lane, LostError, TimingWorker
from benchmarks.timing.record import Burst, Record, Sustained

WARMUP_S = 0.3
# In every process, for each lane, before its samples count.
WARMUP_AGAIN_S = 0.02
TURN_S = 0.1
# The time of a case is spent in about so many processes.
PROCESSES = 8
SHORTEST_SHARE_S = 0.05
MIN_SAMPLES = 100
# Half of the median's interval, as a share of it: narrow enough to stop.
NARROW = 0.01
# The last process that may be lost without a case that is to blame: something ends them from outside, over and again.
MOST_LOSSES = 3
SEED = 1


@dataclass(frozen=True)
class Engine:
    """A Python that has a runtime, and which of its runtimes (None: the first found there)."""

    python: str = sys.executable
    runtime: str | None = None


@dataclass(frozen=True)
class MeasuredLatencies:
    """A row a case, in the order of models, threads, engines; interrupted: Ctrl-C came before the end.

    notes: what the user could change to measure more.
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
    """seconds: at most, for each case; however long it lasts, MIN_SAMPLES are taken. A case that fails has an "error".
    size: (height, width) for networks without a card that leave them open.

    Ctrl-C ends it with what was measured, if that is anything.
    """
    records = [
        Record(model, BenchmarkCase(model.path, count, engine.runtime, True, model.size(size)), engine.python)
        for model in models
        for count in threads
        for engine in engines
    ]
    conductor = Conductor(records, seconds, sustained_s)
    interrupted = False
    try:
        conductor.run()
    except KeyboardInterrupt:
        if not any(record.is_begun for record in records):
            raise
        interrupted = True
        for record in records:
            if not record.is_begun:
                record.error = record.error or results.NOT_YET
    meter = conductor.meter
    notes = (meter.why,) if sustained_s and meter.is_refused and meter.why else ()
    return MeasuredLatencies(tuple(record.row(_float32_of(record, records)) for record in records), interrupted, notes)


class Conductor:
    """Gives the turns."""

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
            while self._wanted(spent_s):
                self._together(process)
                process += 1
                spent_s += self.share_s
                advance(len(self.records) * min(self.share_s, max(0.0, self.seconds + self.share_s - spent_s)))

    def _good(self) -> list[Record]:
        return [record for record in self.records if record.error is None]

    def _wanted(self, spent_s: float) -> bool:
        """Whether another round of fresh processes is worth it. One that is late may fail without end."""
        good = self._good()
        if not good:
            return False
        if min(len(record.samples_ms("invoke")) for record in good) < MIN_SAMPLES:
            return True
        return spent_s < self.seconds and not all(_is_narrow(record) for record in good)

    def _alone(self, record: Record) -> None:
        """The case in a process of its own."""
        try:
            with TimingWorker([record.case], record.python) as worker:
                record.load(worker.loaded[0])
                if record.error is not None:
                    return
                lane = worker.lanes[-1]  # the frame's way where the file has one
                (warmup,) = worker.turn(worker.lanes[:1], WARMUP_S)
                record.warmup_ms = warmup.wall_ms
                record.heed(warmup)
                if self.sustained_s and record.error is None:
                    record.sustained = self._sustain(worker, lane, record)
        except LostError as error:
            record.error = str(error)

    def _sustain(self, worker: TimingWorker, lane: Lane, record: Record) -> Sustained:
        turns: list[Burst] = []
        before, start = self.meter.joules(), monotonic()
        while (spent_s := monotonic() - start) < self.sustained_s and record.error is None:
            at_s = monotonic() - self.began
            (samples,) = worker.turn([lane], min(1.0, self.sustained_s - spent_s))
            record.heed(samples)
            turns.append(Burst(at_s, -1, samples.wall_ms, self.watch.read()))
            self.meter.joules()  # a counter may begin again, and must not do so twice unseen
        seconds, after = monotonic() - start, self.meter.joules()
        return Sustained(lane.what, seconds, None if before is None or after is None else after - before, turns)

    def _together(self, process: int) -> None:
        """One round: a fresh process for every Python, with all its cases in random order."""
        good = self._good()
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
                for record, told in zip(records, worker.loaded, strict=True):
                    record.load(told)
            self._take_turns(workers, process)

    def _take_turns(self, workers: list[tuple[TimingWorker, list[Record]]], process: int) -> None:
        """Until each lane has had its share of the time. A process that is lost ends the round."""
        for worker, records in workers:
            try:
                warmups = worker.turn(worker.lanes, WARMUP_AGAIN_S * len(worker.lanes))
            except LostError as error:
                self._lose(records, error)
                return
            for lane, samples in zip(worker.lanes, warmups, strict=True):
                records[lane.case].heed(samples)
        lanes = sum(len(worker.lanes) for worker, _ in workers)
        end, fewest = monotonic() + self.share_s * lanes, 0.0
        # A fresh process costs a slow board seconds, so it isn't left before it has given its part of MIN_SAMPLES.
        while monotonic() < end or fewest < MIN_SAMPLES / PROCESSES:
            counts = []
            for worker, records in self.random.sample(workers, len(workers)):
                at_s = monotonic() - self.began
                try:
                    taken = worker.turn(worker.lanes, TURN_S)
                except LostError as error:
                    self._lose(records, error)
                    return
                now = self.watch.read()
                for lane, samples in zip(worker.lanes, taken, strict=True):
                    records[lane.case].add(lane.what, at_s, process, samples, now)
                    counts.append(math.inf if samples.error else len(samples.wall_ms))
            fewest += min(counts)

    def _lose(self, records: list[Record], error: LostError) -> None:
        """A process that held several cases was lost: each is tried alone, and those that die again are left out.

        Where none does, something else ended it, and there is another round; at the last loss all are left out.
        """
        for record in records:
            try:
                with TimingWorker([record.case], record.python) as worker:
                    worker.turn(worker.lanes, WARMUP_S)
            except LostError as alone:
                record.error = str(alone)
        if any(record.error for record in records):
            return
        self.losses += 1
        if self.losses >= MOST_LOSSES:
            for record in records:
                record.error = str(error)


def _is_narrow(record: Record) -> bool:
    """Whether every lane's median is known well enough."""
    intervals = [record.interval(what) for what, turns in record.turns.items() if turns]
    return all(each is not None and each.half_width <= NARROW * each.middle for each in intervals)


def _float32_of(record: Record, records: Sequence[Record]) -> Record | None:
    """The float32 file of the same run, on as many threads in the same runtime, among those that were timed."""
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
