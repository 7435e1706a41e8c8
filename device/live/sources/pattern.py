"""The source `test`: a moving pattern, 1280x720 at 30 frames per second, for machines without a camera."""

from dataclasses import dataclass
from time import monotonic, sleep
from typing import TYPE_CHECKING

from device.live.interfaces.frames import Frame, Source
from device.live.sources.options import LiveOptions

if TYPE_CHECKING:
    from device.images.images import Pixels, Size

SIZE = (720, 1280)
RATE = 30.0
SPEED = 8  # pixels a frame


@dataclass(frozen=True)
class PatternOptions(LiveOptions):
    shown = "test"

    @classmethod
    def matches(cls, text: str) -> bool:
        return text == "test"

    def source(self, target: "Size") -> Source:
        return Pattern(self.stall_if_still)


class Pattern(Source):
    """Moving stripes of color, a bouncing ball, and the number of the frame."""

    name, is_live, newest_only = "test", True, True

    def __init__(self, stall_if_still: float | None = None) -> None:
        self.stall_if_still = stall_if_still
        self._number = 0
        self._next = 0.0
        self._stripes = _stripes()

    def open(self) -> None:
        self._next = monotonic()

    def read(self) -> Frame:
        pause = self._next - monotonic()
        if pause > 0:
            sleep(pause)
        # After a pause of the machine it continues from now, as a camera does.
        self._next = max(self._next + 1 / RATE, monotonic())
        self._number += 1
        return Frame(self._draw(self._number), "RGB")

    def _draw(self, number: int) -> "Pixels":
        import cv2

        height, width = SIZE
        shift = SPEED * number % width
        image = self._stripes[:, shift : shift + width].copy()
        ball = _bounce(9 * number, width - 240) + 120, _bounce(7 * number, height - 240) + 120
        cv2.circle(image, ball, 110, (250, 250, 250), -1)
        cv2.circle(image, ball, 80, (220, 40, 40), -1)
        cv2.putText(image, str(number), (40, height - 40), cv2.FONT_HERSHEY_SIMPLEX, 3, (0, 0, 0), 8)
        return image


def _stripes() -> "Pixels":
    """Twice as wide as a frame, and periodic in a frame's width."""
    import cv2
    import numpy as np

    hues = (np.arange(2 * SIZE[1]) * 180 // SIZE[1] % 180).astype(np.uint8)
    row = np.stack([hues, np.full_like(hues, 110), np.full_like(hues, 200)], axis=-1)[None]
    return np.repeat(np.asarray(cv2.cvtColor(row, cv2.COLOR_HSV2RGB), np.uint8), SIZE[0], axis=0)


def _bounce(way: int, room: int) -> int:
    """The position 0..room after moving `way` pixels back and forth."""
    return room - abs(way % (2 * room) - room)
