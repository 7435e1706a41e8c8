"""Where Keras keeps data sets and weights, without importing Keras."""

from pathlib import Path

from device import places


def keras_home() -> Path:
    """$KERAS_HOME, else ~/.keras; NoPlaceError where there is no home."""
    return places.find("KERAS_HOME", ".keras", "what Keras keeps (data sets, weights)")
