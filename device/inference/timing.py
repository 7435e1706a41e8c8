"""Interpreters timed in turns, block by block: what troubles the machine for a while troubles each of them alike."""

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
    """Invokes of one interpreter without a break: the seconds of each, of all of it, and of this thread's own in it."""

    invokes_s: tuple[float, ...]
    wall_s: float
    own_s: float

    @property
    def median_s(self) -> float:
        return median(self.invokes_s)


def feed(interpreter: Any) -> None:
    """Random pixels in every input: 0..255 for float and uint8, all numbers for int8. UserError for another type."""
    random = np.random.default_rng(SEED)
    for details in interpreter.get_input_details():
        kind = np.dtype(details["dtype"])
        if kind not in (np.float32, np.uint8, np.int8):
            raise UserError(f"the input is {kind}, expected float32, uint8 or int8")
        pixels = random.integers(0, 256, tuple(details["shape"]))
        interpreter.set_tensor(details["index"], (pixels - 128 if kind == np.int8 else pixels).astype(kind))


def rounds(interpreters: Sequence[Any], seconds: float, block_s: float, least: int = 1) -> list[tuple[Block, ...]]:
    """A block of each, again and again, for so many seconds and until each was invoked `least` times."""
    found: list[tuple[Block, ...]] = []
    invoked, start = 0, perf_counter()
    while perf_counter() < start + seconds or invoked < least:
        found.append(tuple(_block(interpreter, block_s) for interpreter in interpreters))
        invoked += min(len(block.invokes_s) for block in found[-1])
    return found


@dataclass(frozen=True)
class Latency:
    """milliseconds: the median of an invoke; ratio: to the first interpreter's, the median over blocks in turns."""

    milliseconds: float
    ratio: float


def beside_first(interpreters: Sequence[Any], seconds: float, block_s: float, least: int = 1) -> list[Latency]:
    """Of each interpreter, timed as `rounds` does it; the first round warms up where there is another."""
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
    """At least one invoke."""
    taken: list[float] = []
    began, own = perf_counter(), thread_time()
    while not taken or perf_counter() < began + block_s:
        start = perf_counter()
        interpreter.invoke()
        taken.append(perf_counter() - start)
    return Block(tuple(taken), perf_counter() - began, thread_time() - own)
