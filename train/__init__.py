"""Images to a Keras model: data sets, recipes, training, evaluation. Writes the image cache and the run folder.

    import train
    run = train.train(data="images")              # a folder of one's own
    run = train.train("cifar10", epochs=20)

TensorFlow and everything else load when it trains.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from train.run.runs import Run as Run
    from train.training import train as train

# The module of each public name.
_PUBLIC = {"Run": "train.run.runs", "train": "train.training"}
__all__ = list(_PUBLIC)


def __getattr__(name: str) -> Any:
    """Loads a public name on first use (PEP 562)."""
    if name not in _PUBLIC:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_PUBLIC[name]), name)


def __dir__() -> list[str]:
    return [*globals(), *_PUBLIC]
