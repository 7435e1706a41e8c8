"""A trained run, or anyone's model, to every variant that a board may want, each proven against its source.

    from export import export
    models = export("runs/fashion_mnist")
    models["int8"].path

Both names are loaded when they are asked for.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from export.exporting import export as export
    from export.models import ExportedModels as ExportedModels

# Of each public name the module that has it.
_PUBLIC = {"ExportedModels": "models", "export": "exporting"}
__all__ = list(_PUBLIC)


def __getattr__(name: str) -> Any:
    """Public names are loaded when they are first asked for (PEP 562)."""
    if name not in _PUBLIC:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_PUBLIC[name]}"), name)


def __dir__() -> list[str]:
    return [*globals(), *_PUBLIC]
