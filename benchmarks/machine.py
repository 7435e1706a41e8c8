"""The machine of a result document: what Linux says of it, and its fingerprint."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from benchmarks import fingerprint
from benchmarks.fingerprint import Fingerprint, Value
from device import board


@dataclass(frozen=True)
class HeldBack:
    """Of a board measured over ssh: what was so while it measured, and what had been so since it was started.

    In the words of device/throttling.py.
    """

    measuring: tuple[str, ...] = ()
    before: tuple[str, ...] = ()


@dataclass(frozen=True)
class Machine:
    """As device.board.describe has it; None where the machine doesn't say."""

    cpu: str | None = None
    board: str | None = None
    architecture: str | None = None
    cores: int | None = None
    memory_bytes: int | None = None
    system: str | None = None
    python: str | None = None
    governor: str | None = None
    temperature_c: float | None = None
    load_1min: float | None = None
    fingerprint: Mapping[str, Value] = field(default_factory=dict)

    @property
    def identity(self) -> Fingerprint:
        """What decides how fast a network is here. Of an older document, without a fingerprint, what else it says."""
        if self.fingerprint:
            return self.fingerprint
        return {name: value for name, value in vars(self).items() if name in fingerprint.MACHINE and value is not None}


@dataclass(frozen=True)
class BoardMachine(Machine):
    """One that was measured over ssh; throttling: None where it can't tell."""

    throttling: HeldBack | None = field(kw_only=True)


def here() -> Machine:
    return Machine(**board.describe(), fingerprint=fingerprint.machine())
