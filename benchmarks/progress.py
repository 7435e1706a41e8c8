"""A progress bar on a terminal if tqdm is installed; else nothing: a board needs no tqdm."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def bar(total: float, description: str, unit: str) -> Iterator[Callable[[float], Any]]:
    """Yields a function to call with the progress since the last call."""
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
