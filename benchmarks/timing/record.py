"""The record of one case: all its samples, and the resulting row."""

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from benchmarks.documents.models import Model
from benchmarks.documents.rows import BurstRow, FrameSeries, LatencyRow, SustainedRate, Timed
from benchmarks.statistics import stats
from benchmarks.timing import conditions
from benchmarks.timing.conditions import Conditions
from benchmarks.timing.process import BenchmarkCase, Loaded, Samples

# A result document has so many raw samples of a series, taken evenly from all processes.
KEPT_SAMPLES = 2_000
# It also has so many of the longest, since thinning would lose most of these.
KEPT_LONGEST = 20
# It lists so many bursts, taken evenly from all.
KEPT_BURSTS = 200

Milliseconds = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Burst:
    """One burst of a series: when it started, its samples, and the machine's conditions after it."""

    at_s: float
    process: int
    samples_ms: Milliseconds
    conditions: Conditions


@dataclass(frozen=True)
class Sustained:
    """One series alone, without a pause: seconds, energy, and its bursts."""

    what: str
    seconds: float
    joules: float | None
    bursts: list[Burst]


@dataclass
class Record:
    """A case and everything measured of it so far. error: why nothing of it counts."""

    model: Model
    case: BenchmarkCase
    python: str
    error: str | None = None
    loaded: Loaded | None = None
    loads_ms: list[float] = field(default_factory=list)
    firsts_ms: list[float] = field(default_factory=list)
    warmup_ms: Milliseconds = field(default_factory=lambda: np.empty(0))
    bursts: dict[str, list[Burst]] = field(default_factory=lambda: {"invoke": [], "frame": []})
    sustained: Sustained | None = None

    def load(self, loaded: Loaded) -> None:
        """Adds a fresh process' report on loading the case."""
        if loaded.error is not None:
            self.error = loaded.error.removeprefix(f"{self.case.path.resolve()}: ")  # a row has the file's name
            return
        self.loaded = self.loaded or loaded
        self.loads_ms += [loaded.load_ms] if loaded.load_ms is not None else []
        self.firsts_ms += [loaded.first_ms] if loaded.first_ms is not None else []

    @property
    def is_begun(self) -> bool:
        """Whether it has any figures that count."""
        return self.error is None and (self.sustained is not None or bool(self.bursts["invoke"]))

    def check(self, samples: Samples) -> None:
        """Records why a series stopped, if it did."""
        if samples.error is not None and self.error is None:
            self.error = f"the model failed while running: {samples.error}"

    def add(self, what: str, at_s: float, process: int, samples: Samples, now: Conditions) -> None:
        self.check(samples)
        if len(samples.wall_ms):
            self.bursts[what].append(Burst(at_s, process, samples.wall_ms, now))

    def samples_ms(self, what: str) -> Milliseconds:
        """Every sample of `invoke` or `frame` so far, in ms, process by process."""
        return np.concatenate([np.empty(0), *(burst.samples_ms for burst in self.bursts[what])])

    def interval(self, what: str) -> stats.Interval | None:
        """The median's interval, over fresh processes; None for fewer than stats.fewest()."""
        return stats.geometric_center([median for median in self.medians_ms(what) if median is not None])

    def medians_ms(self, what: str) -> list[float | None]:
        """A series' median in each fresh process, in order; None for a process that was lost before its burst."""
        by_process: dict[int, list[Milliseconds]] = {}
        for burst in self.bursts[what]:
            by_process.setdefault(burst.process, []).append(burst.samples_ms)
        return [
            _median(np.concatenate(by_process[process])) if process in by_process else None
            for process in range(max(by_process, default=-1) + 1)
        ]

    def row(self, float32: "Record | None") -> LatencyRow:
        """The case's row in the result document (docs/benchmarks.md). float32: the base of the ratio."""
        return (self if self.error is None else self._bare())._row(float32)

    def _bare(self) -> "Record":
        """The case without its figures, after a failure."""
        known = self.loaded and Loaded(self.error, self.loaded.runtime, self.loaded.runtime_version)
        return Record(self.model, self.case, self.python, self.error, known)

    def _row(self, float32: "Record | None") -> LatencyRow:
        card = self.model.card
        accuracy = card.accuracy if card else None
        frames, loaded = self.samples_ms("frame"), self.loaded or Loaded(self.error, self.case.runtime)
        return LatencyRow(
            **vars(self.model.named()),
            runtime=loaded.runtime,
            runtime_version=loaded.runtime_version,
            threads=self.case.threads,
            error=self.error,
            **vars(self._timed("invoke")),
            processes=len({burst.process for burst in self.bursts["invoke"]}),
            ratio_to_float32=self._ratio(float32),
            ratio_interval=self._ratio_interval(float32),
            file_bytes=self.model.path.stat().st_size,
            peak_memory_bytes=loaded.peak_memory_bytes,
            load_ms=_median(self.loads_ms),
            first_ms=_median(self.firsts_ms),
            frame=FrameSeries(**vars(self._timed("frame")), samples_ms=_rounded(frames)) if len(frames) else None,
            sustained=self._rate(),
            energy_mj=self._energy_mj(),
            **vars(conditions.summary([burst.conditions for _, burst in self._all_bursts()])),
            bursts=tuple(_burst_row(what, burst) for what, burst in _thinned(self._all_bursts())),
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
        return None if p50 is None or not base else p50 / base

    def _ratio_interval(self, float32: "Record | None") -> tuple[float, float] | None:
        """The interval of the ratio over the processes that timed both, in each of which the moment cancels.

        None for fewer than stats.fewest().
        """
        if float32 is None:
            return None
        pairs = zip(self.medians_ms("invoke"), float32.medians_ms("invoke"), strict=False)
        found = stats.geometric_center([ours / base for ours, base in pairs if ours is not None and base])
        return None if found is None else (found.low, found.high)

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
        """All samples of the series that had the process to itself."""
        bursts = self.sustained.bursts if self.sustained else []
        return np.concatenate([np.empty(0), *(burst.samples_ms for burst in bursts)])

    def _rate(self) -> SustainedRate | None:
        alone, samples = self.sustained, self._alone_ms()
        if alone is None or not len(samples):
            return None
        return SustainedRate(
            what=alone.what,
            seconds=alone.seconds,
            # Without the time between bursts, which is overhead of the measurement.
            frames_per_second=1e3 * len(samples) / float(samples.sum()),
            cold_p50_ms=float(np.median(samples[: max(1, len(samples) // 10)])),
            p50_ms=float(np.median(samples[len(samples) // 2 :])),
        )

    def _energy_mj(self) -> float | None:
        """The energy of one inference, in mJ."""
        count = len(self._alone_ms())
        if self.sustained is None or self.sustained.joules is None or not count:
            return None
        return 1e3 * self.sustained.joules / count

    def _all_bursts(self) -> list[tuple[str, Burst]]:
        """The bursts of the series alone, then those of invoke among the others."""
        alone = [(self.sustained.what, burst) for burst in self.sustained.bursts] if self.sustained else []
        return alone + [("invoke", burst) for burst in self.bursts["invoke"]]


def _burst_row(what: str, burst: Burst) -> BurstRow:
    now = burst.conditions
    return BurstRow(
        what=what,
        at_s=round(burst.at_s, 3),
        n=len(burst.samples_ms),
        p50_ms=_median(burst.samples_ms),
        temperature_c=now.temperature_c,
        clock_mhz=now.clock_mhz,
        throttled=now.throttled,
    )


def _median(values: Milliseconds | list[float]) -> float | None:
    return float(np.median(values)) if len(values) else None


def _thinned(bursts: list[tuple[str, Burst]]) -> list[tuple[str, Burst]]:
    return bursts[:: -(-len(bursts) // KEPT_BURSTS) or 1]


def _rounded(samples: Milliseconds) -> tuple[float, ...]:
    step = -(-len(samples) // KEPT_SAMPLES) or 1
    return tuple(round(float(value), 6) for value in samples[::step])
