"""What drivers say of their frames, through OpenCV: timestamps and sizes."""

from math import isfinite
from typing import Any


def milliseconds(capture: Any) -> float | None:
    """V4L2's timestamp of the buffer, or the stream's presentation time; OpenCV returns 0 if there is none."""
    import cv2

    stamp = float(capture.get(cv2.CAP_PROP_POS_MSEC))
    return stamp if isfinite(stamp) and stamp > 0 else None


def size(capture: Any) -> tuple[int, int]:
    """(width, height) of its frames, in pixels."""
    import cv2

    return int(capture.get(cv2.CAP_PROP_FRAME_WIDTH)), int(capture.get(cv2.CAP_PROP_FRAME_HEIGHT))
