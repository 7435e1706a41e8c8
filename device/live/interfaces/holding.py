"""How long a label has held."""

from device.live.interfaces.readings import Reading


class Holding:
    """Told of readings in their order."""

    def __init__(self) -> None:
        self._label: str | None = None
        self._since = 0.0

    def seconds(self, reading: Reading) -> float:
        """How long this reading's label has held; 0 where it is another one than the reading's before."""
        if reading.label != self._label:
            self._label, self._since = reading.label, reading.held_at
        return reading.held_at - self._since

    def forget(self) -> None:
        """The source was lost: nobody knows what held meanwhile."""
        self._label = None
