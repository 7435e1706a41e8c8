"""Where Keras keeps data sets and weights, without importing Keras."""

import os
from pathlib import Path


def keras_home() -> Path:
    return Path(os.environ.get("KERAS_HOME") or Path.home() / ".keras")
