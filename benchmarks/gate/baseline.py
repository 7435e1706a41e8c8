"""A stored baseline: how long a model took as a multiple of a reference workload, so that no base file is needed.

Both are measured interleaved, when the baseline is made and when a candidate is gated; a machine's speed divides out.
How well it does so on another processor depends on how alike the two networks are, so that is refused unless it is
asked for. The reference is a small int8 network that comes with the package.
"""

import json
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
from device.records import Limit, RecordError

SCHEMA = 1
VERSION = "baseline"  # the field that says it, and that this is one
SUFFIX = ".json"
REFERENCE = Path(__file__).parent / "networks/small.tflite"
# Of the ratio: half its interval's width that ends the measuring, and that is refused, for it is added to every
# candidate's.
NARROW, WIDE = 0.003, 0.02


Ratio = Annotated[
    tuple[float, float, float],
    Limit("[low, middle, high] of a ratio of times", lambda value: 0 < value[0] <= value[1] <= value[2]),
]


@dataclass(frozen=True)
class Baseline:
    """The document. ratio: the model's median time to the reference's, with its interval. right: which images of
    `data` it knew, by their content hashes, if it was asked.
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
    """The ratio to the reference, and the rounds it is of. UserError where this machine can't tell it to 2 %."""
    base, rounds = Side(REFERENCE, threads, runtime.name), []
    ours = Side(model.path, threads, runtime.name, size=model.size(size))
    for each in pairs.rounds(base, ours, seconds):
        rounds.append(each)
        if _width(_ratio(rounds, threads, verdict.EARLY_CONFIDENCE)) <= NARROW:
            break
    found = _ratio(rounds, threads, verdict.CONFIDENCE)
    if found is None or _width(found) > WIDE:
        raise UserError(
            f"{model.path}: {seconds:g} s (rounds: {len(rounds)}) don't tell its time within {100 * WIDE:g} %;"
            " give more with --seconds, or wait until the machine is quieter"
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
    """UserError for one that `gate` would not know again."""
    if not is_baseline(path):
        raise UserError(f"{path}: a baseline's name ends in {SUFFIX}, expected such as {path.with_suffix(SUFFIX)}")


def read(path: Path, threads: int, runtime: Runtime, other_machine: bool) -> Baseline:
    """UserError for a file that isn't there, is no baseline, or is another machine's; each says what to do."""
    make_one = f"make it with: python -m benchmarks baseline MODEL -o {path}"
    if not path.exists():
        raise UserError(f"{path}: there is no such baseline; {make_one}")
    try:
        document = json.loads(path.read_bytes())
    except (ValueError, RecursionError):
        document = None
    if not isinstance(document, dict) or VERSION not in document:
        raise UserError(f"{path}: this is no baseline; {make_one}")
    if document[VERSION] != SCHEMA:
        raise UserError(f"{path}: the baseline is of version {document[VERSION]!r:.60}, expected {SCHEMA}; {make_one}")
    try:
        found = records.record(Baseline, document, "", tolerant=True)
    except RecordError as error:
        raise UserError(f"{path}: {error}; {make_one}") from None
    if found.reference_sha256 != reference_sha256():
        raise UserError(f"{path}: it was made with another reference workload; {make_one}")
    if found.threads != threads:
        raise UserError(f"{path}: it is of {found.threads} threads, asked for are {threads}; give the same --threads")
    fingerprint.refuse_other(found.fingerprint, fingerprint.take(runtime.name, runtime.version), other_machine)
    return found
