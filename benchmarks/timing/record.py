"""What is known of one case: how it was measured, sample by sample, and the row that becomes of it."""

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from benchmarks.documents.models import Model
from benchmarks.documents.rows import FrameLane, LatencyRow, SustainedRate, Timed, TurnRow
from benchmarks.statistics import stats
from benchmarks.timing import conditions
from benchmarks.timing.conditions import Conditions
from benchmarks.timing.process import BenchmarkCase, Loaded, Samples

# As many raw samples of a lane as a result document holds; evenly taken from all processes.
KEPT_SAMPLES = 2_000
# As many of the longest as it holds beside them, since thinning would lose most of these.
KEPT_LONGEST = 20
# As many turns as it tells one by one; more are left out evenly.
KEPT_TURNS = 200

Milliseconds = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Burst:
    """One turn of a lane: when it began, its samples, and what the machine said after it."""

    at_s: float
    process: int
    samples_ms: Milliseconds
    conditions: Conditions


@dataclass(frozen=True)
class Sustained:
    """One lane alone, without a pause: seconds, answers in them, energy, and its turns."""

    what: str
    seconds: float
    joules: float | None
    turns: list[Burst]


@dataclass
class Record:
    """A case and everything measured of it so far; `error` says why nothing of it counts."""

    model: Model
    case: BenchmarkCase
    python: str
    error: str | None = None
    loaded: Loaded | None = None
    loads_ms: list[float] = field(default_factory=list)
    firsts_ms: list[float] = field(default_factory=list)
    warmup_ms: Milliseconds = field(default_factory=lambda: np.empty(0))
    turns: dict[str, list[Burst]] = field(default_factory=lambda: {"invoke": [], "frame": []})
    sustained: Sustained | None = None

    def load(self, told: Loaded) -> None:
        """What a fresh process told of loading the case."""
        if told.error is not None:
            self.error = told.error.removeprefix(f"{self.case.path.resolve()}: ")  # a row has the file's name
            return
        self.loaded = self.loaded or told
        self.loads_ms += [told.load_ms] if told.load_ms is not None else []
        self.firsts_ms += [told.first_ms] if told.first_ms is not None else []

    @property
    def is_begun(self) -> bool:
        """Whether there is any figure of it that counts."""
        return self.error is None and (self.sustained is not None or bool(self.turns["invoke"]))

    def heed(self, samples: Samples) -> None:
        """Why a lane gave up, if it did."""
        if samples.error is not None and self.error is None:
            self.error = f"the model failed half way: {samples.error}"

    def add(self, what: str, at_s: float, process: int, samples: Samples, now: Conditions) -> None:
        self.heed(samples)
        if len(samples.wall_ms):
            self.turns[what].append(Burst(at_s, process, samples.wall_ms, now))

    def samples_ms(self, what: str) -> Milliseconds:
        return np.concatenate([np.empty(0), *(turn.samples_ms for turn in self.turns[what])])

    def interval(self, what: str) -> stats.Interval | None:
        """Of the median, by the medians of the fresh processes; None for fewer than six."""
        return stats.geometric_center([median for median in self.medians_ms(what) if median is not None])

    def medians_ms(self, what: str) -> list[float | None]:
        """A lane's median in each fresh process, in their order; None in one that was lost before the lane's turn."""
        by_process: dict[int, list[Milliseconds]] = {}
        for turn in self.turns[what]:
            by_process.setdefault(turn.process, []).append(turn.samples_ms)
        return [
            _median(np.concatenate(by_process[process])) if process in by_process else None
            for process in range(max(by_process, default=-1) + 1)
        ]

    def row(self, float32: "Record | None") -> LatencyRow:
        """The case's row in the result document (docs/benchmarks.md). float32: what the ratio is taken to."""
        return (self if self.error is None else self._bare())._row(float32)

    def _bare(self) -> "Record":
        """The case without its figures: of one that failed half way none counts."""
        known = self.loaded and Loaded(self.error, self.loaded.runtime, self.loaded.runtime_version)
        return Record(self.model, self.case, self.python, self.error, known)

    def _row(self, float32: "Record | None") -> LatencyRow:
        card = self.model.card
        accuracy = card.accuracy if card else None
        frames, told = self.samples_ms("frame"), self.loaded or Loaded(self.error, self.case.runtime)
        return LatencyRow(
            **vars(self.model.named()),
            runtime=told.runtime,
            runtime_version=told.runtime_version,
            threads=self.case.threads,
            error=self.error,
            **vars(self._timed("invoke")),
            processes=len({turn.process for turn in self.turns["invoke"]}),
            ratio_to_float32=self._ratio(float32),
            file_bytes=self.model.path.stat().st_size,
            peak_memory_bytes=told.peak_memory_bytes,
            load_ms=_median(self.loads_ms),
            first_ms=_median(self.firsts_ms),
            frame=FrameLane(**vars(self._timed("frame")), samples_ms=_rounded(frames)) if len(frames) else None,
            sustained=self._rate(),
            energy_mj=self._energy_mj(),
            **vars(conditions.summary([turn.conditions for _, turn in self._all_turns()])),
            turns=tuple(_told(what, turn) for what, turn in _thinned(self._all_turns())),
            top1=accuracy.top1 if accuracy else None,
            accuracy_n=accuracy.n if accuracy else None,
            interval=accuracy.interval if accuracy else None,
            accuracy_split=accuracy.split if accuracy else None,
            samples_ms=_rounded(self.samples_ms("invoke")),
            warmup_ms=_rounded(self.warmup_ms),
        )

    def _ratio(self, float32: "Record | None") -> float | None:
        p50 = _median(self.samples_ms("invoke"))
        base = None if float32 is None else _median(float32.samples_ms("invoke"))
        return None if p50 is None or base is None else p50 / base

    def _timed(self, what: str) -> Timed:
        samples, interval = self.samples_ms(what), self.interval(what)
        longest = _rounded(np.sort(samples)[::-1][:KEPT_LONGEST])
        p50, p90 = (stats.percentile(samples, q) if len(samples) else None for q in (50, 90))
        return Timed(
            p50_ms=p50,
            p90_ms=p90,
            p99_ms=stats.p99(samples),
            p50_interval_ms=None if interval is None else (interval.low, interval.high),
            p50_by_process_ms=tuple(self.medians_ms(what)),
            max_ms=longest[0] if longest else None,
            longest_ms=longest,
            n=len(samples),
        )

    def _alone_ms(self) -> Milliseconds:
        """Every answer of the lane that had the process to itself."""
        turns = self.sustained.turns if self.sustained else []
        return np.concatenate([np.empty(0), *(turn.samples_ms for turn in turns)])

    def _rate(self) -> SustainedRate | None:
        alone, samples = self.sustained, self._alone_ms()
        if alone is None or not len(samples):
            return None
        return SustainedRate(
            what=alone.what,
            seconds=alone.seconds,
            # One right behind the other: what lies between two turns is the measuring's own.
            frames_per_second=1e3 * len(samples) / float(samples.sum()),
            cold_p50_ms=float(np.median(samples[: max(1, len(samples) // 10)])),
            p50_ms=float(np.median(samples[len(samples) // 2 :])),
        )

    def _energy_mj(self) -> float | None:
        """Of one answer."""
        count = len(self._alone_ms())
        if self.sustained is None or self.sustained.joules is None or not count:
            return None
        return 1e3 * self.sustained.joules / count

    def _all_turns(self) -> list[tuple[str, Burst]]:
        """Of the lane alone, then of invoke among the others."""
        alone = [(self.sustained.what, turn) for turn in self.sustained.turns] if self.sustained else []
        return alone + [("invoke", turn) for turn in self.turns["invoke"]]


def _told(what: str, turn: Burst) -> TurnRow:
    now = turn.conditions
    return TurnRow(
        what=what,
        at_s=round(turn.at_s, 3),
        n=len(turn.samples_ms),
        p50_ms=_median(turn.samples_ms),
        temperature_c=now.temperature_c,
        clock_mhz=now.clock_mhz,
        throttled=now.throttled,
    )


def _median(values: Milliseconds | list[float]) -> float | None:
    return float(np.median(values)) if len(values) else None


def _thinned(turns: list[tuple[str, Burst]]) -> list[tuple[str, Burst]]:
    return turns[:: -(-len(turns) // KEPT_TURNS) or 1]


def _rounded(samples: Milliseconds) -> tuple[float, ...]:
    step = -(-len(samples) // KEPT_SAMPLES) or 1
    return tuple(round(float(value), 6) for value in samples[::step])
