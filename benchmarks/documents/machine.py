"""The machine of a result document: what Linux says of it, and its fingerprint."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from benchmarks.documents import fingerprint
from benchmarks.documents.fingerprint import Fingerprint, Value
from device.host import system
from device.host.system import Host


@dataclass(frozen=True)
class HeldBack:
    """Of a board measured over ssh: what was so while it measured, and what had been so since it was started.

    In the words of device/host/throttling.py.
    """

    measuring: tuple[str, ...] = ()
    before: tuple[str, ...] = ()


@dataclass(frozen=True)
class MeasuredMachine(Host):
    """With what must be equal for two results to be compared (benchmarks/documents/fingerprint.py)."""

    fingerprint: Mapping[str, Value] = field(default_factory=dict)

    @property
    def identity(self) -> Fingerprint:
        """What decides how fast a network is here. Of an older document, without a fingerprint, what else it says."""
        if self.fingerprint:
            return self.fingerprint
        return {name: value for name, value in vars(self).items() if name in fingerprint.MACHINE and value is not None}


@dataclass(frozen=True)
class BoardMachine(MeasuredMachine):
    """One that was measured over ssh; throttling: None where it can't tell."""

    throttling: HeldBack | None = field(kw_only=True)


def here() -> MeasuredMachine:
    return MeasuredMachine(**vars(system.describe()), fingerprint=fingerprint.machine())
