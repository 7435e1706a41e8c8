"""The int8 latency of backbones: backbones.json, which `make backbones` writes (experiments/backbones.py).

Imports neither numpy nor TensorFlow.
"""

from dataclasses import dataclass
from functools import cache
from pathlib import Path

from device import records
from device.host.system import Host

FILE = Path(__file__).with_name("backbones.json")
SCHEMA = 1


@dataclass(frozen=True)
class MeasuredBackbone:
    """An int8 file at 224x224: the median time of n inferences on one thread, in ms, and its size."""

    backbone: str
    p50_ms: float
    n: int
    file_bytes: int


@dataclass(frozen=True)
class MeasuredBackbones:
    """The document. machine: the one that all were measured on."""

    date: str
    machine: Host
    results: tuple[MeasuredBackbone, ...]

    def of(self, name: str) -> MeasuredBackbone | None:
        """None if that backbone was not measured."""
        return next((row for row in self.results if row.backbone == name), None)


@cache
def read() -> MeasuredBackbones:
    return records.read(MeasuredBackbones, FILE, SCHEMA, "write it again with: make backbones")
