"""Completes the rows of an export once all variants exist: interleaved latencies, contact sheets."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from device.data.folders import Labeled
from device.evaluation.exports import ExportedVariant
from device.inference import runtime, timing
from device.inference.timing import Latency
from export.cost import sheet

# Of each round a block of every variant; a slow network gets as many rounds as LEAST invokes take.
SECONDS, BLOCK_S, LEAST = 0.25, 0.005, 3


def completed(
    rows: Sequence[ExportedVariant], timed: Mapping[str, Path], images: Labeled, folder: Path
) -> list[ExportedVariant]:
    """timed: of each variant that could be run, float32 first, its file. images: those of the comparison."""
    latency = latencies(timed)
    found = []
    for row in rows:
        drawn = sheet.draw(row.cost.flips if row.cost else (), row.variant, images, folder)
        cost = row.cost and replace(row.cost, latency=latency[row.variant], sheet=drawn)
        found.append(replace(row, cost=cost))
    return found


def latencies(timed: Mapping[str, Path]) -> dict[str, Latency]:
    """The latency of each file on one thread, interleaved, with its ratio to the first."""
    litert = runtime.find("litert")
    interpreters = [litert.open(path, 1) for path in timed.values()]
    for interpreter in interpreters:
        timing.feed(interpreter)
    found = timing.beside_first(interpreters, SECONDS, BLOCK_S, LEAST)
    return dict(zip(timed, found, strict=True))
