"""Times interpreters interleaved, block by block, so that a disturbance of the machine affects all of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from time import perf_counter, thread_time
from typing import Any

import numpy as np

from device.errors import UserError

SEED = 1


@dataclass(frozen=True)
class Block:
    """Invokes of one interpreter in a row, in seconds: the wall time of each and of all, and the thread's CPU time."""

    invokes_s: tuple[float, ...]
    wall_s: float
    cpu_s: float

    @property
    def median_s(self) -> float:
        return median(self.invokes_s)


def feed(interpreter: Any) -> None:
    """Fills every input with random pixels, 0 to 255, or -128 to 127 for int8. UserError for another type."""
    random = np.random.default_rng(SEED)
    for details in interpreter.get_input_details():
        kind = np.dtype(details["dtype"])
        if kind not in (np.float32, np.uint8, np.int8):
            raise UserError(f"the input is {kind}, expected float32, uint8 or int8; convert the model again")
        pixels = random.integers(0, 256, tuple(details["shape"]))
        interpreter.set_tensor(details["index"], (pixels - 128 if kind == np.int8 else pixels).astype(kind))


def rounds(interpreters: Sequence[Any], seconds: float, block_s: float, least: int = 1) -> list[tuple[Block, ...]]:
    """Rounds of one block per interpreter, for so many seconds and until each was invoked `least` times."""
    found: list[tuple[Block, ...]] = []
    invoked, start = 0, perf_counter()
    while perf_counter() < start + seconds or invoked < least:
        found.append(tuple(_block(interpreter, block_s) for interpreter in interpreters))
        invoked += min(len(block.invokes_s) for block in found[-1])
    return found


@dataclass(frozen=True)
class Latency:
    """milliseconds: the median time of an invoke. ratio: to the first interpreter's, the median over rounds."""

    milliseconds: float
    ratio: float


def beside_first(interpreters: Sequence[Any], seconds: float, block_s: float, least: int = 1) -> list[Latency]:
    """The latency of each interpreter from `rounds`, without the first round if there are others: it warms up."""
    found = rounds(interpreters, seconds, block_s, least)
    found = found[1:] or found
    return [
        Latency(
            1e3 * median(blocks[place].median_s for blocks in found),
            median(blocks[place].median_s / blocks[0].median_s for blocks in found),
        )
        for place in range(len(interpreters))
    ]


def _block(interpreter: Any, block_s: float) -> Block:
    """At least one invoke, then as many as fit."""
    taken: list[float] = []
    began, cpu = perf_counter(), thread_time()
    while not taken or perf_counter() < began + block_s:
        start = perf_counter()
        interpreter.invoke()
        taken.append(perf_counter() - start)
    return Block(tuple(taken), perf_counter() - began, thread_time() - cpu)
