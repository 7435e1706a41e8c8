"""Camera frames and images to labels, on a CPU or a Raspberry Pi.

    from device import Classifier
    prediction = Classifier("doors_int8.tflite")("door.jpg")

Needs numpy, OpenCV and a TFLite interpreter, nothing else; they are loaded when one of these names is asked for.
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
    from device.inference.model_spec import Overrides as Overrides
    from device.inference.prediction import Prediction as Prediction
    from device.live.watch import watch as watch

__version__ = "0.1.0"

# Here because OpenCV reads both when it is imported, and any module of device may be the first to import it.
MAX_IMAGE_PIXELS = 2**27
os.environ.setdefault("OPENCV_IO_MAX_IMAGE_PIXELS", str(MAX_IMAGE_PIXELS))
os.environ.setdefault("OPENCV_LOG_LEVEL", "SILENT")

# Of each public name the module that has it.
_PUBLIC = {
    "Classifier": "inference.classifier",
    "Explainer": "explain.explainer",
    "Explanation": "explain.explanation",
    "Overrides": "inference.model_spec",
    "ImageError": "errors",
    "Prediction": "inference.prediction",
    "UserError": "errors",
    "watch": "live.watch",
}
__all__ = list(_PUBLIC)


def __getattr__(name: str) -> Any:
    """Public names are loaded when they are first asked for (PEP 562)."""
    if name not in _PUBLIC:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"device.{_PUBLIC[name]}"), name)


def __dir__() -> list[str]:
    return [*globals(), *_PUBLIC]
