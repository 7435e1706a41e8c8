"""A stored baseline: how long a model took as a multiple of a reference workload, so that no base file is needed.

Both are measured interleaved, when the baseline is made and when a candidate is gated; a machine's speed divides out.
How well it does so on another processor depends on how alike the two networks are, so that is refused unless it is
asked for. The reference is a small int8 network that comes with the package.
"""

import json
from dataclasses import dataclass
from math import inf
from pathlib import Path
from typing import Any

from benchmarks import fingerprint
from benchmarks.gate import pairs, verdict
from benchmarks.gate.pairs import Side
from benchmarks.models import Model
from benchmarks.stats import Interval
from device import files
from device.errors import UserError
from device.runtime import Runtime

SCHEMA = 1
SUFFIX = ".json"
REFERENCE = Path(__file__).parent / "networks/small.tflite"
# Of the ratio: half its interval's width that ends the measuring, and that is refused, for it is added to every
# candidate's.
NARROW, WIDE = 0.003, 0.02


@dataclass(frozen=True)
class Baseline:
    """ratio: the model's median time to the reference's. right: which pictures of `data` it knew, if it was asked."""

    file: str
    sha256: str
    reference_sha256: str
    threads: int
    ratio: Interval
    fingerprint: dict[str, Any]
    data: str | None
    right: dict[str, bool] | None


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
    files.write_json(
        path,
        {
            "baseline": SCHEMA,
            "file": model.path.name,
            "sha256": model.sha256(),
            "reference_sha256": reference_sha256(),
            "threads": threads,
            "ratio": [ratio.low, ratio.middle, ratio.high],
            "fingerprint": fingerprint.take(runtime.name, runtime.version),
            "data": data,
            "right": right,
        },
    )


def reference_sha256() -> str:
    return Model(REFERENCE, None, None).sha256()


def _ratio_of(values: Any) -> Interval:
    """ValueError for what can't be one of times."""
    found = Interval(*map(float, values))
    if not 0 < found.low <= found.middle <= found.high < inf:
        raise ValueError(values)
    return found


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
        if document["baseline"] != SCHEMA:
            raise UserError(f"{path}: the baseline is of version {document['baseline']}, expected {SCHEMA}; {make_one}")
        found = Baseline(
            document["file"],
            document["sha256"],
            document["reference_sha256"],
            int(document["threads"]),
            _ratio_of(document["ratio"]),
            dict(document["fingerprint"]),
            document["data"],
            None if document["right"] is None else dict(document["right"]),
        )
    except (ValueError, KeyError, TypeError):
        raise UserError(f"{path}: this is no baseline; {make_one}") from None
    if found.reference_sha256 != reference_sha256():
        raise UserError(f"{path}: it was made with another reference workload; {make_one}")
    if found.threads != threads:
        raise UserError(f"{path}: it is of {found.threads} threads, asked for are {threads}; give the same --threads")
    fingerprint.refuse_other(found.fingerprint, fingerprint.take(runtime.name, runtime.version), other_machine)
    return found
