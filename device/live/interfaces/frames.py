"""A frame, and the interface of every source of frames. The sources themselves: device/live/sources/.

with source:
    while (frame := source.read()) is not None:
        …
"""

from dataclasses import dataclass, field
from time import monotonic
from typing import TYPE_CHECKING, Self, cast

if TYPE_CHECKING:
    from device.images.images import Decoded, Pixels, Size
    from device.inference.preprocess import Color

# A source that gives no frame for so long counts as lost.
STALL_S = 5.0


class SourceLostError(Exception):
    """The source can't be opened or gives no more frames; the text says why. A live source is opened again."""


@dataclass(frozen=True)
class Frame:
    """One image of a source: uint8, height x width x 3, with channels in the order `color`.

    captured: when it arrived, in seconds of time.monotonic(). driver_ms: the driver's timestamp, from an arbitrary
    start; None if there is none, or if every frame is certainly new. decoded: the reduced size at which a JPEG was
    decoded. name: of its file, if any. position: in a video, in seconds from the start; a loop keeps counting.
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

    def pixels(self, color: "Color") -> "Pixels":
        """The image with its channels in that order."""
        if self.color == color:
            return self.image
        import cv2

        return cast("Pixels", cv2.cvtColor(self.image, cv2.COLOR_RGB2BGR))  # the same swap in both directions


class Source:
    """A source of frames. For one thread at a time; can be opened again after closing, and then goes on: what was read
    isn't read again.

    is_live: it never ends, so it is opened again when lost. newest_only: frames that are not classified in time are
    dropped; else every frame waits. may_wait: frames come when something happens, such as a file that arrives in a
    folder, so that a silence is no loss; `cancel` must end a wait then. stall_if_still: a live source hangs if it
    repeats one image, to the byte, for so many seconds; None: it never does, since a covered lens gives such a stream
    too. unusable: frames so far that could not be decoded, or were too large.
    """

    may_wait = False
    stall_if_still: float | None = None
    unusable = 0

    name: str
    is_live: bool
    newest_only: bool

    def open(self) -> None:
        """Raises SourceLostError if it can't be opened."""

    def read(self) -> Frame | None:
        """The next frame; None at the end, or after `cancel`. SourceLostError after at most STALL_S without a frame; a
        source that may wait raises it only when it is gone."""
        raise NotImplementedError

    def close(self) -> None:
        """Frees the device for others; harmless if it isn't open."""

    def fit(self, target: "Size") -> None:
        """Sets the network's size from the next `open` on. Any thread may call it; most sources ignore it."""

    def cancel(self) -> None:
        """Makes a waiting `read` return soon, if possible. Called by another thread, as the last but `close`."""

    def __enter__(self) -> Self:
        self.open()
        return self

    def __exit__(self, *reason: object) -> None:
        self.close()
