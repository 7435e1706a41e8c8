"""Where Keras keeps data sets and weights, without importing Keras."""

from pathlib import Path

from device import places


def keras_home() -> Path:
    """$KERAS_HOME, else ~/.keras; NoPlaceError without a home folder."""
    return places.find("KERAS_HOME", ".keras", "Keras' data sets and weights")
