"""The public Python API: names from the four packages, loaded on first use.

    from framelite import Classifier
    prediction = Classifier("doors_int8.tflite")("door.jpg")

Importing it loads nothing but the standard library.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from device import Classifier as Classifier
    from device import Explainer as Explainer
    from device import Explanation as Explanation
    from device import ImageError as ImageError
    from device import Overrides as Overrides
    from device import Prediction as Prediction
    from device import UserError as UserError
    from device import watch as watch
    from export import ExportedModels as ExportedModels
    from export import export as export
    from train import Run as Run
    from train import train as train

# The package of each public name.
_PUBLIC = {
    "Classifier": "device",
    "Explainer": "device",
    "Explanation": "device",
    "ExportedModels": "export",
    "Overrides": "device",
    "ImageError": "device",
    "Prediction": "device",
    "Run": "train",
    "UserError": "device",
    "export": "export",
    "train": "train",
    "watch": "device",
}
__all__ = list(_PUBLIC)


def __getattr__(name: str) -> Any:
    """Loads a public name on first use (PEP 562)."""
    if name not in _PUBLIC:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_PUBLIC[name]), name)


def __dir__() -> list[str]:
    return [*globals(), *_PUBLIC]
