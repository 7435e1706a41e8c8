"""What a window shows: the picture, the best labels as bars, and what it takes."""

import cv2
import numpy as np

from device import text
from device.images.pictures import Picture
from device.live.interfaces.readings import Reading

SIDE = 480  # the picture's smaller side on the screen, at least
WHITE, GREEN, GREY, DARK = (255, 255, 255), (120, 220, 120), (110, 110, 110), (30, 30, 30)


def drawn(reading: Reading, message: str = "") -> Picture:
    """BGR, as cv2.imshow takes it: the picture, enlarged where it is small, and below it the labels as bars."""
    picture = bgr(reading)
    enlarged = -(-SIDE // min(picture.shape[:2]))
    if enlarged > 1:
        picture = picture.repeat(enlarged, axis=0).repeat(enlarged, axis=1)
    width = picture.shape[1]
    panel = np.full((34 + 26 * len(reading.top), width, 3), DARK, np.uint8)
    for i, ranked in enumerate(reading.top):
        y, filled = 8 + 26 * i, round((width - 20) * min(max(ranked.score, 0.0), 1.0))
        cv2.rectangle(panel, (10, y), (10 + filled, y + 20), GREEN if i == 0 else GREY, -1)
        _write(panel, f"{ranked.label} {ranked.score:.2f}", (16, y + 15))
    rate = f"{reading.rate:.0f} answers a second, invoke {text.milliseconds(reading.ms['invoke'])} ms"
    _write(panel, message or rate, (10, panel.shape[0] - 10))
    return np.vstack([picture, panel])


def _write(into: Picture, words: str, place: tuple[int, int]) -> None:
    cv2.putText(into, text.visible(words), place, cv2.FONT_HERSHEY_SIMPLEX, 0.5, WHITE, 1, cv2.LINE_AA)


def bgr(reading: Reading) -> Picture:
    frame = reading.frame
    return frame.picture if frame.colour == "BGR" else np.ascontiguousarray(frame.picture[:, :, ::-1])
