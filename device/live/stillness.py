"""Distinguishes a camera that hangs from one whose image doesn't change.

Frames that keep arriving are a stream: behind a lens cap or from a test card they are equal to the byte. A driver that
repeats its last frame is detected by the frame's timestamp, which stands still.
"""

import numpy as np

from device.images.images import Pixels
from device.live.interfaces.frames import Frame, SourceLostError


class Stillness:
    """Follows the frames of a live source in order, from one opening on.

    stall_s: how long a driver may repeat a frame. limit_s: how long one image may stay, even in new frames
    (`--stall-if-still`); None: forever.
    """

    def __init__(self, name: str, stall_s: float, limit_s: float | None) -> None:
        self._name, self._stall_s, self._limit_s = name, stall_s, limit_s
        self._before: Frame | None = None
        self._trusts_driver = True
        self._new_at = self._changed_at = 0.0  # the last frame with new data, the last with another image

    def is_new(self, frame: Frame) -> bool:
        """False for a repetition, which is not classified. SourceLostError if it lasts too long."""
        before, self._before = self._before, frame
        is_stamped_alike = self._is_stamped_alike(frame, before)
        if before is None or not (is_stamped_alike or self._limit_s) or not _is_same(frame.image, before.image):
            if is_stamped_alike:  # a timestamp that stands still while the image changes is useless
                self._trusts_driver = False
            self._new_at = self._changed_at = frame.captured
            return True
        if self._limit_s and frame.captured - self._changed_at > self._limit_s:
            raise SourceLostError(
                f"{self._name} has sent the same image for {self._limit_s:g} s (--stall-if-still); reopening it"
            )
        if not is_stamped_alike:
            self._new_at = frame.captured
            return True
        if frame.captured - self._new_at > self._stall_s:
            raise SourceLostError(f"{self._name} has repeated one frame for {self._stall_s:g} s: it hangs")
        return False

    def _is_stamped_alike(self, frame: Frame, before: Frame | None) -> bool:
        if before is None or frame.driver_ms is None or not self._trusts_driver:
            return False
        return frame.driver_ms == before.driver_ms


def _is_same(image: Pixels, before: Pixels) -> bool:
    """Whether the images are equal to the byte. A few pixels distinguish most frames."""
    if image.shape != before.shape or not np.array_equal(image[::16, ::16], before[::16, ::16]):
        return False
    return np.array_equal(image, before)
