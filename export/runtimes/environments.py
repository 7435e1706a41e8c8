"""Finds another runtime's Python: it needs an environment of its own, because its packages don't fit ours."""

import os
from pathlib import Path

from device.errors import UserError

OTHER = "tflite-runtime"
VARIABLE = "FRAMELITE_TFLITE_RUNTIME"
# What `make test-setup` makes in a checkout.
MADE = Path(__file__).resolve().parents[2] / ".venv-tflite-runtime/bin/python"
MAKE = "pip install -r requirements/tflite-runtime.txt in an environment of Python 3.11"


def python() -> Path | None:
    """The Python that has tflite-runtime: what the variable names (empty: none), else the checkout's; None without.

    UserError where the variable names none.
    """
    given = os.environ.get(VARIABLE)
    if given is None:
        return MADE if MADE.exists() else None
    if not given:
        return None
    path = Path(given).absolute()  # not resolved: the link's place decides which packages are seen
    if not path.is_file() or not os.access(path, os.X_OK):
        raise UserError(f"{VARIABLE} names {given}, expected the Python of an environment with {OTHER}: {MAKE}")
    return path


def needed() -> Path:
    """UserError if there is no such environment."""
    path = python()
    if path is None:
        raise UserError(
            f"no environment with {OTHER} is known, in which the files would be tried (--for); make one with {MAKE} and"
            f" name its Python in {VARIABLE}"
        )
    return path
