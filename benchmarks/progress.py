"""A progress bar on a terminal where tqdm is installed; silence elsewhere: a board needs no tqdm to measure."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def bar(total: float, description: str, unit: str) -> Iterator[Callable[[float], Any]]:
    """Gives the function that is called with how much was done since it was last called."""
    if sys.stderr is not None and sys.stderr.isatty():
        try:
            from tqdm import tqdm
        except ImportError:
            pass
        else:
            with tqdm(total=total, desc=description, unit=unit, leave=False) as shown:
                yield shown.update
            return
    yield lambda amount: None
