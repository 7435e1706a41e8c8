"""The rows of a result document: a model file's latency, accuracy, or failure.

Fields are in the order of the document. Times are in ms, sizes in bytes, shares 0..1, intervals [low, high]; null if
unknown. docs/benchmarks.md explains each field.
"""

from dataclasses import dataclass, field
from typing import Annotated

from device.evaluation.evaluate import LabelTopOne
from device.records import Limit

FromZero = Annotated[float, Limit("a number from 0", lambda value: 0 <= value < 1e300)]
Count = Annotated[int, Limit("a whole number from 0", lambda value: 0 <= value < 2**63)]
Bounds = Annotated[tuple[float, float], Limit("[low, high] or null", lambda value: 0 <= value[0] <= value[1])]
Range = Annotated[tuple[float, float], Limit("[low, high] or null", lambda value: value[0] <= value[1])]


@dataclass(frozen=True)
class ModelRow:
    """The file."""

    file: str
    sha256: str = ""
    variant: str | None = None

    @property
    def model(self) -> str:
        """`fashion_mnist` of fashion_mnist_int8.tflite."""
        return self.file.removesuffix(".tflite").removesuffix(f"_{self.variant}")


@dataclass(frozen=True)
class CaseRow(ModelRow):
    """Threads and runtime. error: why there are no figures, or not all."""

    runtime: str | None = None
    runtime_version: str | None = None
    threads: Count = 1
    error: str | None = None

    @property
    def engine(self) -> str:
        """`litert 2.3.0`"""
        return " ".join(part for part in (self.runtime, self.runtime_version) if part) or "-"


@dataclass(frozen=True)
class Timed:
    """A series' times: percentiles, the median's 95 % interval over processes, each process' median, the longest, of
    n."""

    p50_ms: FromZero | None = field(kw_only=True)  # distinguishes rows of `latency`
    p90_ms: FromZero | None = None
    p99_ms: FromZero | None = None
    p50_interval_ms: Bounds | None = None
    p50_by_process_ms: tuple[FromZero | None, ...] = ()
    max_ms: FromZero | None = None
    longest_ms: tuple[FromZero, ...] = ()
    n: Count = 0


@dataclass(frozen=True)
class FrameSeries(Timed):
    """The whole processing of a camera frame."""

    samples_ms: tuple[FromZero, ...] = ()


@dataclass(frozen=True)
class SustainedRate:
    """One series without a pause. cold_p50_ms: of the first tenth of its samples; p50_ms: of the last half."""

    what: str
    seconds: FromZero
    frames_per_second: FromZero
    cold_p50_ms: FromZero
    p50_ms: FromZero


@dataclass(frozen=True)
class BurstRow:
    """One burst of a series, and the machine's state after it."""

    what: str
    at_s: FromZero
    n: Count
    p50_ms: FromZero | None
    temperature_c: float | None = None
    clock_mhz: FromZero | None = None
    throttled: tuple[str, ...] = ()


@dataclass(frozen=True)
class LatencyRow(Timed, CaseRow):
    """A case of `latency`. top1, accuracy_n, interval, accuracy_split: from the card, or as measured.

    ratio_interval: of ratio_to_float32, 95 %, over the processes that timed both.
    """

    processes: Count = 0
    ratio_to_float32: FromZero | None = None
    ratio_interval: Bounds | None = None
    file_bytes: Count | None = None
    peak_memory_bytes: Count | None = None
    load_ms: FromZero | None = None
    first_ms: FromZero | None = None
    frame: FrameSeries | None = None
    sustained: SustainedRate | None = None
    energy_mj: FromZero | None = None
    throttled: tuple[str, ...] = ()
    temperature_c: Range | None = None
    clock_mhz: Bounds | None = None
    bursts: tuple[BurstRow, ...] = ()
    top1: FromZero | None = None
    accuracy_n: Count | None = None
    interval: Bounds | None = None
    accuracy_split: str | None = None
    samples_ms: tuple[FromZero, ...] = ()
    warmup_ms: tuple[FromZero, ...] = ()


@dataclass(frozen=True)
class SelectedRow(LatencyRow):
    """A case of `select`.

    standing: the judgment of the file's loss (benchmarks/select/losses.py). loss: of accuracy to the best, 0.01 for one
    point: low, middle, high.
    """

    standing: str | None = None
    loss: tuple[float, float, float] | None = None


@dataclass(frozen=True)
class AccuracyRow(ModelRow):
    """A file of `accuracy`: its accuracy, the images, and how many were left out."""

    error: None = None
    top1: FromZero | None = None
    n: Count | None = None
    interval: Bounds | None = None
    left_out: Count | None = None
    data: str | None = None
    split: str | None = None
    runtime: str | None = None
    balanced: FromZero | None = None
    worst_label: LabelTopOne | None = None
    per_class: tuple[LabelTopOne, ...] = field(kw_only=True)  # distinguishes rows of `accuracy`


@dataclass(frozen=True)
class FailedRow(ModelRow):
    """A file of `accuracy` that could not be measured."""

    error: str = field(kw_only=True)


Row = LatencyRow | AccuracyRow | FailedRow
