"""Camera frames and images to labels, on a CPU or a Raspberry Pi.

    from device import Classifier
    prediction = Classifier("doors_int8.tflite")("door.jpg")

Needs only numpy, OpenCV and a TFLite interpreter, and loads them on the first use of one of these names.
"""

import os
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from device.errors import ImageError as ImageError
    from device.errors import UserError as UserError
    from device.explain.explainer import Explainer as Explainer
    from device.explain.explanation import Explanation as Explanation
    from device.inference.classifier import Classifier as Classifier
    from device.inference.overrides import Overrides as Overrides
    from device.inference.prediction import Prediction as Prediction
    from device.live.watch import watch as watch

__version__ = "0.1.0"

# Set here because OpenCV reads both on import, and any module of device may import it first.
MAX_IMAGE_PIXELS = 2**27
os.environ.setdefault("OPENCV_IO_MAX_IMAGE_PIXELS", str(MAX_IMAGE_PIXELS))
os.environ.setdefault("OPENCV_LOG_LEVEL", "SILENT")

# The module of each public name.
_PUBLIC = {
    "Classifier": "device.inference.classifier",
    "Explainer": "device.explain.explainer",
    "Explanation": "device.explain.explanation",
    "Overrides": "device.inference.overrides",
    "ImageError": "device.errors",
    "Prediction": "device.inference.prediction",
    "UserError": "device.errors",
    "watch": "device.live.watch",
}
__all__ = list(_PUBLIC)


def __getattr__(name: str) -> Any:
    """Loads a public name on first use (PEP 562)."""
    if name not in _PUBLIC:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_PUBLIC[name]), name)


def __dir__() -> list[str]:
    return [*globals(), *_PUBLIC]
