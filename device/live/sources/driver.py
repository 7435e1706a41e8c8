"""Timestamps of drivers, through OpenCV."""

from math import isfinite
from typing import Any


def milliseconds(capture: Any) -> float | None:
    """V4L2's timestamp of the buffer, or the stream's presentation time; OpenCV returns 0 if there is none."""
    import cv2

    stamp = float(capture.get(cv2.CAP_PROP_POS_MSEC))
    return stamp if isfinite(stamp) and stamp > 0 else None
