"""The machine of a result document: its description and its fingerprint."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from benchmarks.documents import fingerprint
from benchmarks.documents.fingerprint import Fingerprint, Value
from device.host import system
from device.host.system import Host


@dataclass(frozen=True)
class BoardThrottling:
    """Throttling flags of a board measured over ssh: during the measurement, and from boot until then.

    In the words of device/host/throttling.py.
    """

    measuring: tuple[str, ...] = ()
    before: tuple[str, ...] = ()


@dataclass(frozen=True)
class MeasuredMachine(Host):
    """A host with its fingerprint (benchmarks/documents/fingerprint.py)."""

    fingerprint: Mapping[str, Value] = field(default_factory=dict)

    @property
    def identity(self) -> Fingerprint:
        """The fingerprint; for an older document without one, its other values."""
        if self.fingerprint:
            return self.fingerprint
        return {name: value for name, value in vars(self).items() if name in fingerprint.MACHINE and value is not None}


@dataclass(frozen=True)
class BoardMachine(MeasuredMachine):
    """A board measured over ssh. throttling: None if unknown."""

    throttling: BoardThrottling | None = field(kw_only=True)


def here() -> MeasuredMachine:
    return MeasuredMachine(**vars(system.describe()), fingerprint=fingerprint.machine())
