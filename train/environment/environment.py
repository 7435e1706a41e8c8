"""What TensorFlow and Keras read once, when they are imported. Set before that, and without importing them."""

import contextlib
import logging
import os
import sys

from device.errors import UserError
from device.places import NoPlaceError
from train.environment.keras_home import keras_home

BACKENDS = ("tensorflow", "jax")


def prepare(backend: str = "tensorflow") -> None:
    """Sets the environment; UserError where Keras is here already, with another engine."""
    if "keras" in sys.modules:
        check_engine(backend)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ["KERAS_BACKEND"] = backend
    with contextlib.suppress(NoPlaceError):  # Keras takes another than we do where the home folder can't be written
        os.environ["KERAS_HOME"] = str(keras_home())
    # Where there is no home folder it says at length that its fonts are not kept.
    logging.getLogger("matplotlib").setLevel(logging.ERROR)


def check_engine(backend: str) -> None:
    import keras

    if (engine := keras.config.backend()) != backend:
        raise UserError(
            f"Keras is loaded with the engine {engine}, expected {backend}: set KERAS_BACKEND={backend} before"
            " Keras is imported, in a fresh process"
        )
