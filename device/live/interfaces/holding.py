"""How long the same label has been shown."""

from device.live.interfaces.results import FrameResult


class Holding:
    """Follows results in order."""

    def __init__(self) -> None:
        self._label: str | None = None
        self._since = 0.0

    def seconds(self, result: FrameResult) -> float:
        """How long the result's label has held; 0 if it differs from the previous one."""
        if result.label != self._label:
            self._label, self._since = result.label, result.held_at
        return result.held_at - self._since

    def forget(self) -> None:
        """Starts again after the source was lost."""
        self._label = None
