"""A stored baseline: a model's latency as a multiple of a reference workload's, instead of a base file.

Both are measured interleaved, when creating the baseline and when gating a candidate, so that the machine's speed
cancels. On another processor that depends on how similar the two networks are, so it is refused by default. The
reference is a small int8 network in the package.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import inf
from pathlib import Path
from typing import Annotated

from benchmarks.documents import fingerprint
from benchmarks.documents.fingerprint import Value
from benchmarks.documents.models import Model
from benchmarks.gate import pairs, verdict
from benchmarks.gate.pairs import Side
from benchmarks.statistics.stats import Interval
from device import files, records
from device.errors import UserError
from device.inference.runtime import Runtime
from device.records import Limit

SCHEMA = 1
VERSION = "baseline"  # the field with the version, which also marks the document
SUFFIX = ".json"
REFERENCE = Path(__file__).parent / "networks/small.tflite"
# Relative half widths of the ratio's interval: one that ends the measurement, and one that is refused, because it adds
# to every candidate's.
NARROW, WIDE = 0.003, 0.02


Ratio = Annotated[
    tuple[float, float, float],
    Limit("[low, middle, high] of a ratio of times", lambda value: 0 < value[0] <= value[1] <= value[2]),
]


@dataclass(frozen=True)
class Baseline:
    """The document. ratio: the model's median time to the reference's, with its interval. right: its correct
    predictions on `data` by content hash, if measured.
    """

    file: str
    sha256: str
    reference_sha256: str
    threads: int
    ratio: Ratio
    fingerprint: Mapping[str, Value]
    data: str | None = None
    right: Mapping[str, bool] | None = None

    @property
    def interval(self) -> Interval:
        return Interval(*self.ratio)


def make(
    model: Model, threads: int, runtime: Runtime, seconds: float, size: tuple[int, int] | None = None
) -> tuple[Interval, list[pairs.Round]]:
    """The ratio to the reference, and its rounds. UserError if this machine can't measure it to 2 %."""
    base, rounds = Side(REFERENCE, threads, runtime.name), []
    ours = Side(model.path, threads, runtime.name, size=model.size(size))
    for each in pairs.rounds(base, ours, seconds):
        rounds.append(each)
        if _width(_ratio(rounds, threads, verdict.EARLY_CONFIDENCE)) <= NARROW:
            break
    found = _ratio(rounds, threads, verdict.CONFIDENCE)
    if found is None or _width(found) > WIDE:
        raise UserError(
            f"{model.path}: its time is uncertain after {seconds:g} s ({len(rounds)} rounds), expected within"
            f" {100 * WIDE:g} %; give more with --seconds, or wait until the machine is quieter"
        )
    return found, rounds


def _ratio(rounds: list[pairs.Round], threads: int, confidence: float) -> Interval | None:
    return verdict.ratio(rounds, verdict.clock(rounds, threads)[0], confidence)


def _width(found: Interval | None) -> float:
    return inf if found is None else found.half_width / found.middle


def write(
    path: Path,
    model: Model,
    threads: int,
    runtime: Runtime,
    ratio: Interval,
    data: str | None = None,
    right: dict[str, bool] | None = None,
) -> None:
    made = Baseline(
        file=model.path.name,
        sha256=model.sha256(),
        reference_sha256=reference_sha256(),
        threads=threads,
        ratio=ratio.bounds,
        fingerprint=fingerprint.take(runtime.name, runtime.version),
        data=data,
        right=right,
    )
    files.write_json(path, {VERSION: SCHEMA, **records.to_json(made)})


def reference_sha256() -> str:
    return Model(REFERENCE, None, None).sha256()


def is_baseline(path: Path) -> bool:
    return path.suffix == SUFFIX


def check_name(path: Path) -> None:
    """UserError for a name that `gate` would not recognize."""
    if not is_baseline(path):
        raise UserError(f"{path}: expected a name that ends in {SUFFIX}, such as {path.with_suffix(SUFFIX)}")


def read(path: Path, threads: int, runtime: Runtime, other_machine: bool) -> Baseline:
    """UserError for a missing file, no baseline, or another machine's."""
    make_one = f"create it with: python -m benchmarks baseline MODEL -o {path}"
    found = records.read_marked(Baseline, path, VERSION, SCHEMA, make_one)
    if found.reference_sha256 != reference_sha256():
        raise UserError(f"{path}: it has another reference workload; {make_one}")
    if found.threads != threads:
        raise UserError(f"{path}: it is for {found.threads} threads, not {threads}; give the same --threads")
    fingerprint.refuse_other(found.fingerprint, fingerprint.take(runtime.name, runtime.version), other_machine)
    return found
