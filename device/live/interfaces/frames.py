"""A frame, and what every source of frames promises. The sources themselves: device/live/sources/.

with source:
    while (frame := source.read()) is not None:
        …
"""

from dataclasses import dataclass, field
from time import monotonic
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from device.images.images import Decoded, Pixels, Size
    from device.inference.preprocess import Color

# How long a source may take for one frame, and be silent before it counts as lost.
STALL_S = 5.0


class SourceLostError(Exception):
    """The source can't be opened or gives no more frames; its text says why. What is live is tried again."""


@dataclass(frozen=True)
class Frame:
    """One image of a source, as it came: uint8, height x width x 3, its channels in the order `color` says.

    captured: when it was here, in seconds of time.monotonic(). driver_ms: the driver's own time of the image, from any
    moment on; None where it has none, or every frame is newly received anyway. decoded: the share of its sides at
    which a JPEG was decoded. name: the file's, where it comes from one. position: in a video, in seconds from its
    beginning; a loop goes on counting.
    """

    image: "Pixels"
    color: "Color" = "BGR"
    captured: float = field(default_factory=monotonic)
    decoded: "Decoded" = "full"
    name: str | None = None
    position: float | None = None
    driver_ms: float | None = None

    @property
    def age_ms(self) -> float:
        return 1e3 * (monotonic() - self.captured)


class Source:
    """Where frames come from. Used by one thread at a time; can be opened again after it was closed.

    is_live: it goes on for ever, so it is opened again when it is lost. newest_only: what wasn't answered in time is
    dropped; else every frame waits until it is answered. stall_if_still: how many seconds of one image, to the byte,
    mean that a live source hangs; None: none do, a covered lens gives such a stream too. unusable: frames so far that
    came and could not be decoded, or were too large.
    """

    stall_if_still: float | None = None
    unusable = 0

    name: str
    is_live: bool
    newest_only: bool

    def open(self) -> None:
        """SourceLostError says why it can't be opened."""

    def read(self) -> Frame | None:
        """The next frame; None at the end. SourceLostError after at most STALL_S without one."""
        raise NotImplementedError

    def close(self) -> None:
        """The device is free for others. What isn't open stays so."""

    def fit(self, target: "Size") -> None:
        """The network's size is another one from the next `open` on. Called by any thread; most don't mind."""

    def cancel(self) -> None:
        """Called by another thread: a `read` that waits returns soon, if that can be had."""

    def __enter__(self) -> Self:
        self.open()
        return self

    def __exit__(self, *reason: object) -> None:
        self.close()
