"""Exports a trained run, or anyone's model, as .tflite variants, and compares each with its source.

    from export import export
    models = export("runs/fashion_mnist")
    models["int8"].path

Names are loaded on first use.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from export.exporting import export as export
    from export.models import ExportedModels as ExportedModels

# The module of each public name.
_PUBLIC = {"ExportedModels": "export.models", "export": "export.exporting"}
__all__ = list(_PUBLIC)


def __getattr__(name: str) -> Any:
    """Loads a public name on first use (PEP 562)."""
    if name not in _PUBLIC:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_PUBLIC[name]), name)


def __dir__() -> list[str]:
    return [*globals(), *_PUBLIC]
