"""The content of a window: the image, the best labels as bars, rate and latency."""

import cv2
import numpy as np

from device import text
from device.images.images import Pixels
from device.live.interfaces.results import FrameResult

SIDE = 480  # the image's smaller side on the screen, at least
WHITE, GREEN, GRAY, DARK = (255, 255, 255), (120, 220, 120), (110, 110, 110), (30, 30, 30)


def drawn(result: FrameResult, message: str = "") -> Pixels:
    """BGR, for cv2.imshow: the image, enlarged if it is small, and below it the labels as bars."""
    image = result.frame.pixels("BGR")
    enlarged = -(-SIDE // min(image.shape[:2]))
    if enlarged > 1:
        image = image.repeat(enlarged, axis=0).repeat(enlarged, axis=1)
    width = image.shape[1]
    panel = np.full((34 + 26 * len(result.top), width, 3), DARK, np.uint8)
    for i, ranked in enumerate(result.top):
        y, filled = 8 + 26 * i, round((width - 20) * min(max(ranked.score, 0.0), 1.0))
        cv2.rectangle(panel, (10, y), (10 + filled, y + 20), GREEN if i == 0 else GRAY, -1)
        _write(panel, f"{ranked.label} {ranked.score:.2f}", (16, y + 15))
    rate = f"{result.rate:.0f} predictions per second, invoke {text.milliseconds(result.ms['invoke'])} ms"
    _write(panel, message or rate, (10, panel.shape[0] - 10))
    return np.vstack([image, panel])


def _write(into: Pixels, words: str, place: tuple[int, int]) -> None:
    cv2.putText(into, text.visible(words), place, cv2.FONT_HERSHEY_SIMPLEX, 0.5, WHITE, 1, cv2.LINE_AA)
